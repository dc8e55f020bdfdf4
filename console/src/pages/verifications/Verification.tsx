// One comparison: each table's verdict, each row that differs with both values, and the repair.

import { Button, Group, Select, Stack, Switch } from '@mantine/core'
import { useState } from 'react'
import { Link, useNavigate, useParams } from 'react-router'
import { useDifferencesInfiniteQuery, useRepairMutation, useVerificationQuery, useVerifyJobMutation } from '@/api/jobs'
import type { Difference, TableVerdict, Verification } from '@/api/types'
import { notice } from '@/app/notices'
import { ANYWHERE } from '@/app/session'
import { useAppDispatch } from '@/app/store'
import { duration, useFormat } from '@/format'
import { wrongIn, wrongOf, verdict } from '@/job/verdict'
import { Verdict } from '@/job/VerificationTable'
import { words } from '@/job/verifyWords'
import { type Column, DataTable } from '@/ui/DataTable'
import { Empty, ErrorNote, Loaded, Note } from '@/ui/notes'
import { Bar, Confirm, Do, Elapsed, Facts, Page, Panel, Route, Time } from '@/ui/pieces'
import { Told } from '@/ui/Told'
import { useWords } from '@/words'
import { useProblemLine } from '@/words/server'
import { shared } from '@/words/shared'
import classes from './verification.module.css'

const SIDES = ['source', 'target'] as const
const KINDS = ['missing', 'extra', 'different', 'unfit', 'unreadable'] as const
const POLL_MS = 1_500

export function Component() {
  const { id = '' } = useParams()
  const [moving, setMoving] = useState(true)
  const query = useVerificationQuery(id, { pollingInterval: moving ? POLL_MS : 0 })
  const busy = query.data === undefined || query.data.state === 'running' || query.data.state === 'repairing'
  if (busy !== moving) setMoving(busy)
  const w = useWords(words)
  if (query.data) return <Shown key={query.data.id} of={query.data} />
  return (
    <Page title={w.title} crumbs={[{ to: '/verifications', title: w.title }]}>
      <Loaded query={query}>{() => null}</Loaded>
    </Page>
  )
}

function Shown({ of }: { of: Verification }) {
  const w = useWords(words)
  const f = useFormat()
  const dispatch = useAppDispatch()
  const navigate = useNavigate()
  const [asking, setAsking] = useState(false)
  const [repair] = useRepairMutation()
  const [deleteExtra, setDeleteExtra] = useState(false)
  const [verify, { isLoading }] = useVerifyJobMutation()
  const what = verdict(of)
  const wrong = wrongOf(of)
  const busy = of.state === 'running' || of.state === 'repairing'
  const lineOf = useProblemLine()
  const again = async () => {
    try {
      const made = await verify({ name: of.job, ...(of.sample ? { sample: of.sample } : {}) }).unwrap()
      await navigate(`/verifications/${encodeURIComponent(made.id)}`)
    } catch (thrown) {
      dispatch(notice(lineOf(thrown), 'failed'))
    }
  }
  const columns: Column<TableVerdict>[] = [
    { id: 'table', title: w.table, width: 'minmax(11rem, 2fr)', main: true, clip: true, cell: (one) => <Route from={one.source} to={one.target} /> },
    { id: 'equal', title: w.kinds.equal, width: '6rem', right: true, cell: (one) => f.whole(one.equal) },
    ...KINDS.map((kind): Column<TableVerdict> => ({
      id: kind,
      title: w.kinds[kind],
      width: '5.5rem',
      right: true,
      cell: (one) => (one[kind] > 0 ? <b className={classes.wrong}>{f.whole(one[kind])}</b> : <span className={classes.zero}>0</span>),
    })),
    {
      id: 'key',
      title: w.key,
      width: 'minmax(6rem, 1fr)',
      clip: true,
      cell: (one) => (one.target_missing ? <span className={classes.wrong}>{w.targetMissing}</span> : one.key.length > 0 ? one.key.join(', ') : w.noKey),
    },
  ]
  return (
    <Page
      title={w.one(of.job)}
      crumbs={[{ to: '/verifications', title: w.title }]}
      badge={<Verdict of={of} />}
      actions={
        <>
          <Do label={w.again} icon="restart" needs="operator" where={ANYWHERE} loading={isLoading} disabled={of.state !== 'finished' && of.state !== 'failed'} onClick={() => void again()} />
          {what === 'differs' && <Do label={w.repair} icon="check" variant="filled" needs="operator" where={ANYWHERE} onClick={() => setAsking(true)} />}
        </>
      }
    >
      {(of.state === 'running' || of.state === 'repairing') && <Going of={of} label={w.verdicts[of.state]} />}
      {of.error && <ErrorNote error={{ title: of.error.message, status: 500, code: of.error.code, hint: of.error.hint ?? undefined }} />}
      {what === 'equal' && <Note tone="finished" title={of.sample ? w.equalSample : w.equal} />}
      {of.repaired && of.repaired.length > 0 && (
        <Note tone="finished" title={w.repaired}>
          {of.repaired.map((one) => (
            <p key={one.table}>
              {one.table}: {w.repairedTable(f.whole(one.written), f.whole(one.deleted))} {one.left.join(' · ')}
            </p>
          ))}
        </Note>
      )}
      <Panel>
        <Facts
          items={[
            [w.job, <Link key="job" to={`/jobs/${encodeURIComponent(of.job)}`}>{of.job}</Link>],
            [w.began, <Time key="began" at={of.created_at} as="stamp" />],
            [w.took, of.seconds === undefined ? <Elapsed key="took" from={of.created_at} to={of.ended_at ?? null} /> : duration(of.seconds * 1000)],
            [w.sample, of.sample ? `${of.sample} %` : w.all],
            [w.tables, f.whole(busy ? of.progress?.tables : of.tables.length)],
            [w.equalRows, f.whole(busy ? null : of.tables.reduce((sum, one) => sum + one.equal, 0))],
          ]}
        />
      </Panel>
      {of.tables.length > 0 && (
        <Panel title={w.tables} flush>
          <DataTable label={w.tables} columns={columns} rows={[...of.tables].sort((a, b) => wrongIn(b) - wrongIn(a))} rowKey={(one) => `${one.source}→${one.target}`} virtual={of.tables.length > 100} />
        </Panel>
      )}
      {of.repair_of && (
        <p className={classes.zero}>
          <Link to={`/verifications/${encodeURIComponent(of.repair_of)}`}>{w.repairOf}</Link>
        </p>
      )}
      {what === 'differs' && <Differences id={of.id} />}
      {what === 'equal' && of.tables.length === 0 && <Empty title={w.noDifferences} />}
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title={w.repairTitle}
        verb={w.repair}
        onConfirm={async () => {
          const made = await repair({ id: of.id, deleteExtra }).unwrap()
          dispatch(notice(w.repairBegan))
          if (made.id && made.id !== of.id) await navigate(`/verifications/${encodeURIComponent(made.id)}`)
        }}
      >
        <Stack gap="sm">
          <span>{w.repairHint(f.whole(wrong))}</span>
          {of.tables.some((one) => one.extra > 0) && <Switch label={w.deleteExtra} description={w.deleteExtraHint} checked={deleteExtra} onChange={(e) => setDeleteExtra(e.currentTarget.checked)} />}
        </Stack>
      </Confirm>
    </Page>
  )
}

/** How far it is: the share where it can be said, tables and rows in any case. */
function Going({ of, label }: { of: Verification; label: string }) {
  const w = useWords(words)
  const f = useFormat()
  const { progress } = of
  return (
    <div role="status">
      <Bar part={progress?.share ?? null} label={label} size="lg" />
      <p className={classes.zero}>
        {progress && progress.pass > 0
          ? [
              w.tablesDone(progress.tables_done, progress.tables),
              w.rowsCompared(f.whole(progress.rows), progress.rows_estimated === null || progress.rows_estimated === undefined ? null : f.whole(progress.rows_estimated)),
              progress.table ?? '',
              progress.pass > 1 ? w.onceMore : '',
            ]
              .filter(Boolean)
              .join(' · ')
          : w.waitsItsTurn}
      </p>
    </div>
  )
}

function Differences({ id }: { id: string }) {
  const query = useDifferencesInfiniteQuery(id)
  const all = query.data?.pages.flatMap((page) => page.items)
  return (
    <Loaded query={{ data: all, error: query.error, refetch: query.refetch }}>
      {(found) => <DifferenceList all={found} more={query.hasNextPage} loading={query.isFetchingNextPage} onMore={() => void query.fetchNextPage()} />}
    </Loaded>
  )
}

function DifferenceList({ all, more, loading, onMore }: { all: readonly Difference[]; more: boolean; loading: boolean; onMore: () => void }) {
  const w = useWords(words)
  const s = useWords(shared)
  const [kind, setKind] = useState('')
  const [table, setTable] = useState('')
  const tables = [...new Set(all.map((one) => one.table))]
  const shown = all.filter((one) => (kind === '' || one.kind === kind) && (table === '' || one.table === table))
  return (
    <Panel
      title={w.differences}
      aside={
        <Group gap="xs">
          <span className={classes.zero}>{w.shown(all.length, more)}</span>
          {tables.length > 1 && <Select size="xs" w={180} aria-label={w.table} value={table} onChange={(next) => setTable(next ?? '')} data={[{ value: '', label: w.tables }, ...tables]} allowDeselect={false} searchable />}
          <Select size="xs" w={140} aria-label={w.result} value={kind} onChange={(next) => setKind(next ?? '')} data={[{ value: '', label: w.anyKind }, ...KINDS.filter((one) => all.some((other) => other.kind === one)).map((one) => ({ value: one, label: w.kinds[one] }))]} allowDeselect={false} />
        </Group>
      }
    >
      <Stack gap="sm">
        {shown.map((one) => (
          <article key={one.id} className={classes.difference}>
            <header>
              <b className={classes.wrong}>{w.kinds[one.kind]}</b>
              <span>{one.table}</span>
              <code>{one.key.map((part) => `${part.column}=${part.value}`).join(', ')}</code>
              <span className={classes.zero}>{one.reason ? <Told>{one.reason}</Told> : w.kindHints[one.kind]}</span>
            </header>
            <div className={classes.scroll} tabIndex={0} role="region" aria-label={`${one.table} ${one.key.map((part) => part.value).join(' ') || `#${one.id}`}`}>
              <table>
                <thead>
                  <tr>
                    <td />
                    {one.columns.map((column) => (
                      <th key={column.column} scope="col">
                        {column.column}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {SIDES.filter((side) => side === 'source' || one.kind !== 'unfit').map((side) => (
                    <tr key={side}>
                      <th scope="row">{w[side]}</th>
                      {(side === 'source' && one.kind === 'extra') || (side === 'target' && one.kind === 'missing') ? (
                        <td colSpan={one.columns.length || 1} className={classes.zero}>
                          {w.nothingThere}
                        </td>
                      ) : (
                        one.columns.map((column) => (
                          <td key={column.column} data-side={column.source === column.target ? undefined : side} title={column[side] ?? undefined}>
                            {column[side] ?? <i>NULL</i>}
                          </td>
                        ))
                      )}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </article>
        ))}
        {more && (
          <Button variant="default" onClick={onMore} loading={loading} style={{ alignSelf: 'center' }}>
            {s.loadMore}
          </Button>
        )}
      </Stack>
    </Panel>
  )
}
