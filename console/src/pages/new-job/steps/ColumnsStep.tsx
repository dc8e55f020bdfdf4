// Which column goes where: for each table a grid of its columns, with what the plan says of their values.

import { Autocomplete, Button, Checkbox, Group, Select, TextInput } from '@mantine/core'
import { type DragEvent, type KeyboardEvent, useMemo, useState } from 'react'
import { useSearchParams } from 'react-router'
import { tableName, useTableQuery } from '@/api/connections'
import type { ColumnInfo, TableInfo, TablePlan } from '@/api/types'
import { chosenOf, doubled, grid, keyFor, type Mapped, matchNames, moved, suggestions, TYPES } from '@/job/mapping'
import { patternOf } from '@/job/patterns'
import { Fidelity } from '@/job/PlanView'
import { words as jobWords } from '@/job/words'
import { Icon } from '@/ui/Icon'
import { Empty, ErrorNote, Loading, Note } from '@/ui/notes'
import { Panel } from '@/ui/pieces'
import { useWords } from '@/words'
import { get } from '@/yaml/document'
import { connectionAt, textAt, useForm } from '../form'
import { targetOf, useChosenTables } from '../tables'
import { words } from '../words'
import classes from '../wizard.module.css'

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
  const [dragged, setDragged] = useState<number | null>(null)
  const [over, setOver] = useState<number | null>(null)
  const rest = () => {
    setDragged(null)
    setOver(null)
  }
  const columns = get(spec, ['columns'])
  const key = keyFor(columns, table, defaultSchema)
  const own = patternOf(table, defaultSchema)
  const known = useMemo(() => detail.data?.columns.map((one) => one.name) ?? plan?.columns.map((one) => one.from) ?? [], [detail.data, plan])
  const rows = grid(known, key === null ? undefined : get(columns, [key]))
  const infos = new Map<string, ColumnInfo>(detail.data?.columns.map((one) => [one.name, one]))
  const fates = new Map(plan?.columns.map((one) => [one.from, one]))
  const targets = (plan?.creates ? undefined : target.currentData)?.columns.map((one) => one.name) ?? []
  const twice = doubled(rows)
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
      <div className={classes.grid} role="table" aria-label={w.columnsOf(tableName(table))}>
        <div className={classes.gridHead} role="row">
          <span role="columnheader">
            <Checkbox
              size="xs"
              aria-label={w.allColumns}
              checked={on === rows.length}
              indeterminate={on > 0 && on < rows.length}
              onChange={(e) => {
                const all = e.currentTarget.checked
                set(rows.map((row, at) => ({ ...row, on: all || at === 0 })))
              }}
            />
          </span>
          <span role="columnheader">{w.sourceColumn}</span>
          <span role="columnheader">{w.targetName}</span>
          <span role="columnheader">{w.type}</span>
          <span role="columnheader">{w.values}</span>
        </div>
        {rows.map((row, at) => {
          const info = infos.get(row.from)
          const fate = fates.get(row.from)
          const name = row.to ?? row.from
          const taken = new Set(rows.filter((one, i) => one.on && i !== at).map((one) => one.to ?? one.from))
          return (
            <div
              key={row.from}
              role="row"
              className={classes.gridRow}
              data-off={!row.on || undefined}
              data-dragged={dragged === at || undefined}
              data-over={(dragged !== null && over === at && dragged !== at && (dragged < at ? 'below' : 'above')) || undefined}
              onDragOver={(event: DragEvent) => {
                if (dragged === null) return
                event.preventDefault()
                setOver(at)
              }}
              onDrop={(event: DragEvent) => {
                event.preventDefault()
                if (dragged !== null) move(dragged, at)
                rest()
              }}
            >
              <span role="cell" className={classes.gridFirst}>
                <button
                  type="button"
                  className={classes.handle}
                  draggable
                  onDragStart={(event: DragEvent) => {
                    // Without data some browsers do not drag at all; the row is what is seen to move.
                    event.dataTransfer.setData('text/plain', row.from)
                    event.dataTransfer.effectAllowed = 'move'
                    const whole = event.currentTarget.closest('[role=row]')
                    if (whole) event.dataTransfer.setDragImage(whole, 12, 12)
                    setDragged(at)
                  }}
                  onDragEnd={rest}
                  onKeyDown={(event: KeyboardEvent) => {
                    const by = event.key === 'ArrowUp' ? -1 : event.key === 'ArrowDown' ? 1 : 0
                    if (by === 0) return
                    event.preventDefault()
                    move(at, at + by)
                  }}
                  aria-label={w.moveColumn(row.from)}
                  title={w.moveHint}
                >
                  <Icon name="drag" size={14} />
                </button>
                <Checkbox size="xs" checked={row.on} disabled={row.on && on === 1} onChange={(e) => change(at, { on: e.currentTarget.checked })} aria-label={w.takeColumn(row.from)} />
              </span>
              <span role="cell" className={classes.gridName}>
                <span>
                  {info?.key && <Icon name="key" size={12} />} <b>{row.from}</b>
                </span>
                <code>{info?.native ?? info?.type ?? fate?.from_type ?? ''}{info?.nullable === false ? '' : ' ?'}</code>
              </span>
              <span role="cell">
                <Autocomplete
                  size="xs"
                  aria-label={w.nameOf(row.from)}
                  value={name}
                  disabled={!row.on}
                  data={suggestions(row.from, targets, taken)}
                  filter={({ options, search }) => (search === name ? options : options.filter((one) => 'value' in one && one.value.toLowerCase().includes(search.toLowerCase())))}
                  onChange={(to) => change(at, { to: to === row.from ? undefined : to })}
                  error={row.on && (name === '' ? w.nameMissing : twice.has(name) ? w.nameTwice : undefined)}
                  limit={20}
                />
              </span>
              <span role="cell">
                <Autocomplete size="xs" aria-label={w.typeOf(row.from)} value={row.type ?? ''} disabled={!row.on} placeholder={fate?.to_type ?? info?.type ?? w.likeSource} data={[...TYPES]} onChange={(type) => change(at, { type: type === '' ? undefined : type })} limit={30} />
              </span>
              <span role="cell" className={classes.fate}>
                {row.on && fate && !(form.plan.busy && (row.type !== undefined || row.to !== undefined)) ? (
                  <>
                    <Fidelity of={fate.fidelity} why={fate.why} />
                    <code>{fate.to_type}</code>
                    {fate.why && <span className={classes.quiet}>{fate.why}</span>}
                  </>
                ) : (
                  <span className={classes.quiet}>{row.on ? '…' : w.leftOut}</span>
                )}
              </span>
            </div>
          )
        })}
      </div>
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
              <Icon name="info" size={13} /> {note}
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
