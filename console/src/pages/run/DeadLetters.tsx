// Rows that could not be converted or written: look, edit, replay, drop.

import { Button, Drawer, Group, Stack, TextInput } from '@mantine/core'
import { useMemo, useState } from 'react'
import {
  useDeadLettersInfiniteQuery,
  useDropAllMutation,
  useDropDeadLetterMutation,
  useReplayAllMutation,
  useReplayDeadLetterMutation,
} from '@/api/runs'
import type { DeadLetter, Run } from '@/api/types'
import { notice } from '@/app/notices'
import { useAppDispatch } from '@/app/store'
import { useFormat } from '@/format'
import { type Column, DataTable } from '@/ui/DataTable'
import { Empty, ErrorNote, Loaded } from '@/ui/notes'
import { Confirm, Do, Facts, Time } from '@/ui/pieces'
import ui from '@/ui/ui.module.css'
import { useWords } from '@/words'
import { useServerWords } from '@/words/server'
import { shared } from '@/words/shared'
import { changes, keyWords, rowOf } from './row'
import classes from './run.module.css'
import { words } from './words'

export function DeadLetters({ run }: { run: Run }) {
  const w = useWords(words)
  const s = useWords(shared)
  const f = useFormat()
  const says = useServerWords()
  // Its own words where they are known in this language, what the code names otherwise.
  const saidOf = ({ code, reason }: DeadLetter) => (says.tell(reason) === reason ? (says.title(code) ?? reason) : says.tell(reason))
  const dispatch = useAppDispatch()
  const query = useDeadLettersInfiniteQuery(run.id, { refetchOnMountOrArgChange: true })
  const letters = useMemo(() => query.data?.pages.flatMap((page) => page.items), [query.data])
  const [open, setOpen] = useState<DeadLetter | null>(null)
  const [dropping, setDropping] = useState(false)
  const [replayAll, replaying] = useReplayAllMutation()
  const [dropAll] = useDropAllMutation()
  const waiting = letters?.filter((letter) => letter.replayed_at === null).length ?? 0
  const columns: Column<DeadLetter>[] = [
    {
      id: 'row',
      title: w.row,
      width: 'minmax(8rem, 1fr)',
      main: true,
      clip: true,
      cell: (letter) => (
        <button type="button" className={classes.open} onClick={() => setOpen(letter)}>
          {letter.target} <span className="mono">{keyWords(letter.key) || `#${letter.id}`}</span>
        </button>
      ),
    },
    {
      id: 'reason',
      title: w.reason,
      width: 'minmax(10rem, 2fr)',
      clip: true,
      narrow: 'wide',
      labelled: false,
      cell: (letter) => (
        <span title={letter.reason}>
          <code>{letter.code}</code> {saidOf(letter)}
        </span>
      ),
    },
    { id: 'stage', title: w.state, width: '6.5rem', labelled: false, cell: (letter) => (letter.replayed_at ? <span className={ui.state} data-state="finished">{w.replayed}</span> : (w.stage as Record<string, string>)[letter.stage] ?? letter.stage) },
    { id: 'at', title: w.at, width: '8rem', labelled: false, cell: (letter) => <Time at={letter.at} /> },
  ]
  return (
    <Loaded
      query={{ ...query, data: letters }}
      empty={(data) => data.length === 0 && <Empty title={w.noDead}>{w.noDeadHint}</Empty>}
    >
      {(data) => (
        <>
          <div className={classes.bar}>
            <span className={ui.sub} style={{ flex: 1 }}>
              {s.rows(f.whole(run.dead_letters || data.length), run.dead_letters || data.length)}
            </span>
            <Do
              label={w.replayAll}
              icon="restart"
              needs="operator"
              where={run.project}
              disabled={waiting === 0}
              loading={replaying.isLoading}
              onClick={() =>
                void replayAll(run.id).then(({ data: report }) => {
                  if (report) dispatch(notice(w.replayReport(report.written, report.failed, report.more), report.failed > 0 ? 'failed' : 'finished'))
                })
              }
            />
            <Do label={w.dropAll} icon="trash" needs="operator" where={run.project} onClick={() => setDropping(true)} />
          </div>
          {replaying.error && <ErrorNote error={replaying.error} />}
          <DataTable
            label={w.tabs['dead-letters']}
            columns={columns}
            rows={data}
            rowKey={(letter) => letter.id}
            virtual
            onEnd={() => {
              if (query.hasNextPage && !query.isFetchingNextPage) void query.fetchNextPage()
            }}
          />
          <Drawer opened={open !== null} onClose={() => setOpen(null)} title={w.editRow} closeButtonProps={{ 'aria-label': s.close }}>
            {open && (
              <Letter
                key={open.id}
                letter={open}
                run={run}
                onDone={(words) => {
                  dispatch(notice(words))
                  setOpen(null)
                }}
              />
            )}
          </Drawer>
          <Confirm
            opened={dropping}
            onClose={() => setDropping(false)}
            title={w.dropAll}
            verb={w.dropAll}
            danger
            onConfirm={() => dropAll(run.id).unwrap()}
          >
            {w.dropAllText}
          </Confirm>
        </>
      )}
    </Loaded>
  )
}

function Letter({ letter, run, onDone }: { letter: DeadLetter; run: Run; onDone: (words: string) => void }) {
  const w = useWords(words)
  const kept = useMemo(() => rowOf(letter.row), [letter.row])
  const [row, setRow] = useState(kept)
  const [replay, { isLoading, error, data }] = useReplayDeadLetterMutation()
  const [drop, dropping] = useDropDeadLetterMutation()
  const changed = changes(kept, row)
  const send = async () => {
    const done = await replay({ id: letter.id, run: run.id, row: Object.keys(changed).length > 0 ? changed : undefined })
    if (done.data?.written) onDone(w.replayDone(1))
  }
  const over = letter.replayed_at !== null
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <Stack gap="sm">
        <Facts
          items={[
            [w.source, letter.source],
            [w.target, letter.target],
            [w.at, <Time key="at" at={letter.at} as="stamp" />],
          ]}
        />
        <ErrorNote error={{ title: letter.reason, status: 422, code: letter.code }} />
        {Object.entries(row).map(([column, value]) => (
          <TextInput
            key={column}
            label={column in changed ? `${column} · ${w.changed}` : column}
            value={value ?? ''}
            placeholder={value === null ? 'NULL' : undefined}
            onChange={(event) => setRow({ ...row, [column]: event.currentTarget.value })}
            readOnly={over}
            spellCheck={false}
            autoComplete="off"
            styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
            rightSectionWidth={64}
            rightSection={
              <Button
                size="compact-xs"
                variant="subtle"
                disabled={value === null || over}
                aria-label={w.setNull(column)}
                onClick={() => setRow({ ...row, [column]: null })}
              >
                NULL
              </Button>
            }
          />
        ))}
        {error && <ErrorNote error={error} />}
        {data?.error && <ErrorNote error={data.error} />}
        {dropping.error && <ErrorNote error={dropping.error} />}
        {!over && (
          <Group gap="xs">
            <Do label={w.replay} icon="restart" variant="filled" needs="operator" where={run.project} loading={isLoading} onClick={() => void send()} />
            <Button variant="default" disabled={Object.keys(changed).length === 0} onClick={() => setRow(kept)}>
              {w.original}
            </Button>
            <span style={{ flex: 1 }} />
            <Do
              label={w.drop}
              icon="trash"
              needs="operator"
              where={run.project}
              loading={dropping.isLoading}
              onClick={() =>
                void drop({ id: letter.id, run: run.id }).then((done) => {
                  if (!done.error) onDone(w.dropped)
                })
              }
            />
          </Group>
        )}
      </Stack>
    </form>
  )
}
