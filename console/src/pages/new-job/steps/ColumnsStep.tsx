// Which column goes where: for each table a grid of its columns, with what the plan says of their values.

import { Button, Checkbox, Group, Select, TextInput } from '@mantine/core'
import { useMemo, useState } from 'react'
import { useSearchParams } from 'react-router'
import { tableName, useTableQuery } from '@/api/connections'
import type { ColumnInfo, TableInfo, TablePlan } from '@/api/types'
import { chosenOf, doubled, found, grid, keyFor, type Mapped, matchNames, moved, takeAll } from '@/job/mapping'
import { patternOf } from '@/job/patterns'
import { Fidelity } from '@/job/PlanView'
import { words as jobWords } from '@/job/words'
import { Icon } from '@/ui/Icon'
import { Empty, ErrorNote, Loading, Note } from '@/ui/notes'
import { Panel } from '@/ui/pieces'
import { Told } from '@/ui/Told'
import { useWords } from '@/words'
import { get } from '@/yaml/document'
import { connectionAt, textAt, useForm } from '../form'
import { targetOf, useChosenTables } from '../tables'
import { words } from '../words'
import classes from '../wizard.module.css'
import { ColumnRows } from './ColumnRows'

/** Fewer are seen at a glance: nobody has to look for one. */
const MANY = 20

export function ColumnsStep() {
  const w = useWords(words)
  const { spec, plan } = useForm()
  const { chosen, defaultSchema, loading, error } = useChosenTables()
  const [search, setSearch] = useState('')
  const [address, setAddress] = useSearchParams()
  const picked = address.get('table')
  const setPicked = (name: string) =>
    setAddress(
      (before) => {
        before.set('table', name)
        return before
      },
      { replace: true },
    )
  const columns = get(spec, ['columns'])
  const planned = useMemo(() => new Map(plan.data?.tables.map((table) => [table.source, table])), [plan.data])
  if (typeof get(spec, ['source', 'query']) === 'string') return <Panel title={w.steps.columns}><Note tone="running">{w.queryColumns}</Note></Panel>
  if (loading) return <Panel title={w.steps.columns} flush><Loading rows={8} /></Panel>
  if (error !== undefined && chosen.length === 0) return <Panel title={w.steps.columns}><ErrorNote error={error} /></Panel>
  if (chosen.length === 0) return <Panel title={w.steps.columns} flush><Empty title={w.noTableChosen}>{w.noTableChosenHint}</Empty></Panel>
  const found = chosen.filter((table) => tableName(table).toLowerCase().includes(search.toLowerCase()))
  const table = chosen.find((one) => tableName(one) === picked) ?? chosen[0]
  if (!table) return null
  const planOf = (one: TableInfo): TablePlan | undefined => planned.get(tableName(one)) ?? planned.get(one.name)
  const mark = (one: TableInfo) => {
    const fates = planOf(one)?.columns.map((column) => column.fidelity) ?? []
    return fates.includes('lossy') ? 'lossy' : fates.includes('widened') ? 'widened' : undefined
  }
  return (
    <>
      <PlanState />
      <div className={classes.split}>
        {chosen.length > 1 && (
          <div className={classes.side}>
            <TextInput value={search} onChange={(e) => setSearch(e.currentTarget.value)} placeholder={w.findTable} aria-label={w.findTable} size="xs" leftSection={<Icon name="search" size={13} />} className={classes.wideOnly} />
            <ul className={`${classes.sideList} ${classes.wideOnly}`}>
              {found.slice(0, 300).map((one) => (
                <li key={tableName(one)}>
                  <button type="button" aria-current={one === table || undefined} onClick={() => setPicked(tableName(one))}>
                    <span className={classes.treeName}>{one.schema === defaultSchema ? one.name : tableName(one)}</span>
                    {keyFor(columns, one, defaultSchema) !== null && <Icon name="edit" size={12} />}
                    {mark(one) && <Fidelity of={mark(one) ?? 'exact'} />}
                  </button>
                </li>
              ))}
              {found.length > 300 && <li className={classes.quiet}>{w.andMore(found.length - 300)}</li>}
            </ul>
            <Select className={classes.narrowOnly} data={chosen.map(tableName)} value={tableName(table)} onChange={(name) => name && setPicked(name)} aria-label={w.table} searchable limit={200} />
          </div>
        )}
        <Grid key={tableName(table)} table={table} defaultSchema={defaultSchema} plan={planOf(table)} />
      </div>
    </>
  )
}

/** What there is of a plan: a wait, an error, or nothing to say. */
export function PlanState() {
  const w = useWords(words)
  const { plan } = useForm()
  if (plan.error !== null && plan.error !== undefined) return <ErrorNote error={plan.error} onRetry={plan.ask} />
  return (
    <span className="visually-hidden" role="status">
      {plan.busy ? w.planning : ''}
    </span>
  )
}

function Grid({ table, defaultSchema, plan }: { table: TableInfo; defaultSchema: string | null; plan?: TablePlan }) {
  const w = useWords(words)
  const j = useWords(jobWords)
  const form = useForm()
  const { spec, put, putAll } = form
  const source = connectionAt(form, 'source')
  const sink = connectionAt(form, 'sink')
  const detail = useTableQuery({ name: source?.name ?? '', table: tableName(table) }, { skip: !source })
  // Its columns are looked up by its name alone: while names do not fit, there is no plan.
  const targetName = plan?.target ?? targetOf(textAt(spec, ['sink', 'table']), table)
  const target = useTableQuery({ name: sink?.name ?? '', table: targetName }, { skip: !sink || plan?.creates === true })
  const [search, setSearch] = useState('')
  const columns = get(spec, ['columns'])
  const key = keyFor(columns, table, defaultSchema)
  const own = patternOf(table, defaultSchema)
  const known = useMemo(() => detail.data?.columns.map((one) => one.name) ?? plan?.columns.map((one) => one.from) ?? [], [detail.data, plan])
  const rows = useMemo(() => grid(known, key === null ? undefined : get(columns, [key])), [known, key, columns])
  const shown = useMemo(() => found(rows, search), [rows, search])
  const infos = useMemo(() => new Map<string, ColumnInfo>(detail.data?.columns.map((one) => [one.name, one])), [detail.data])
  const fates = useMemo(() => new Map(plan?.columns.map((one) => [one.from, one])), [plan])
  const there = plan?.creates ? undefined : target.currentData
  const targets = useMemo(() => there?.columns.map((one) => one.name) ?? [], [there])
  const twice = useMemo(() => doubled(rows), [rows])
  const inMode = textAt(spec, ['mode'])
  const set = (next: Mapped[]) => {
    const value = chosenOf(known, next)
    const place = ['columns', key ?? own]
    // All columns and rows is what `full` promises; without the word it finds out by itself.
    if (value !== undefined && inMode === 'full') putAll([[['mode'], undefined], [place, value]])
    else put(place, value)
  }
  const change = (at: number, part: Partial<Mapped>) => set(rows.map((row, i) => (i === at ? clean({ ...row, ...part }) : row)))
  const move = (from: number, to: number) => set(moved(rows, from, to))
  if (detail.isLoading) return <Panel title={tableName(table)} flush><Loading rows={8} /></Panel>
  if (detail.error && rows.length === 0) return <Panel title={tableName(table)}><ErrorNote error={detail.error} onRetry={() => void detail.refetch()} /></Panel>
  const on = rows.filter((row) => row.on).length
  const taken = shown.filter((at) => rows[at]?.on).length
  // A type that somebody chose is meant; the rest keeps the run from starting.
  const allowed = get(spec, ['errors', 'allow_lossy']) === true
  const lossy = allowed ? [] : rows.filter((row) => row.on && row.type === undefined && fates.get(row.from)?.fidelity === 'lossy')
  return (
    <Panel
      title={tableName(table)}
      aside={
        <Group gap="xs">
          <span className={classes.quiet}>{w.columnsChosen(on, rows.length)}</span>
          {targets.length > 0 && (
            <Button variant="default" size="compact-xs" onClick={() => set(matchNames(rows, targets))}>
              {w.matchNames}
            </Button>
          )}
          {key !== null && (
            <Button variant="default" size="compact-xs" onClick={() => put(['columns', key], undefined)}>
              {w.asTheyAre}
            </Button>
          )}
        </Group>
      }
      flush
    >
      {key !== null && key !== own && key !== tableName(table) && (
        <div className={classes.pad}>
          <Note tone="running">{w.byPattern(key)}</Note>
        </div>
      )}
      {rows.length > MANY && (
        <div className={classes.treeHead}>
          <TextInput
            value={search}
            onChange={(e) => setSearch(e.currentTarget.value)}
            placeholder={w.findColumn}
            aria-label={w.findColumn}
            leftSection={<Icon name="search" size={14} />}
            style={{ flex: 1 }}
            data-search
          />
          <span className={search === '' ? 'visually-hidden' : classes.quiet} role="status">
            {search !== '' && w.columnsFound(shown.length)}
          </span>
        </div>
      )}
      {shown.length === 0 ? (
        <Empty title={w.nothingFound} />
      ) : (
        <ColumnRows
          label={w.columnsOf(tableName(table))}
          rows={rows}
          shown={shown}
          infos={infos}
          fates={fates}
          targets={targets}
          twice={twice}
          planning={form.plan.busy}
          change={change}
          move={move}
          all={
            <Checkbox
              size="xs"
              aria-label={w.allColumns}
              checked={taken === shown.length}
              indeterminate={taken > 0 && taken < shown.length}
              onChange={(e) => set(takeAll(rows, shown, e.currentTarget.checked))}
            />
          }
        />
      )}
      {lossy.length > 0 && (
        <div className={classes.pad}>
          <Note tone="failed" title={j.lossyCount(lossy.length)}>
            <p>{j.lossyHint}</p>
            <Button mt="xs" variant="default" size="compact-xs" onClick={() => put(['errors', 'allow_lossy'], true)}>
              {w.allowLossy}
            </Button>
          </Note>
        </div>
      )}
      {plan && plan.notes.length > 0 && (
        <div className={classes.pad}>
          {plan.notes.map((note) => (
            <p key={note} className={classes.note}>
              <Icon name="info" size={13} />
              <Told>{note}</Told>
            </p>
          ))}
        </div>
      )}
    </Panel>
  )
}

function clean(row: Mapped): Mapped {
  return { from: row.from, on: row.on, ...(row.to === undefined ? {} : { to: row.to }), ...(row.type === undefined ? {} : { type: row.type }) }
}
