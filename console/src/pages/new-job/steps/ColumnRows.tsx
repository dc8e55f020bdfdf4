// The rows of a mapping grid, drawn as far as they are seen: a table may have a thousand columns.

import { Autocomplete, Checkbox } from '@mantine/core'
import { type DragEvent, type KeyboardEvent, memo, type ReactNode, useCallback, useMemo, useRef, useState } from 'react'
import type { ColumnInfo, ColumnPlan } from '@/api/types'
import { keysOf, type Mapped, suggestions, TYPES } from '@/job/mapping'
import { Fidelity } from '@/job/PlanView'
import { Icon } from '@/ui/Icon'
import { Told } from '@/ui/Told'
import { useTyped } from '@/ui/typed'
import { useWindowRows } from '@/ui/windowRows'
import { useWords } from '@/words'
import { words } from '../words'
import classes from '../wizard.module.css'

const ROW_HEIGHT = 52
const OVERSCAN = 8
/** Rows that Page Up and Page Down move a column by. */
const LEAP = 10
/** The page's head, and the foot of the wizard with its buttons. */
const COVERED = { above: 90, below: 80 }
const ALL_TYPES = [...TYPES]

export interface ColumnRowsProps {
  label: string
  rows: readonly Mapped[]
  /** Which of them are shown, by their place in `rows`. */
  shown: readonly number[]
  infos: ReadonlyMap<string, ColumnInfo>
  fates: ReadonlyMap<string, ColumnPlan>
  targets: readonly string[]
  twice: ReadonlySet<string>
  /** The plan is being made anew. */
  planning: boolean
  change: (at: number, part: Partial<Mapped>) => void
  move: (from: number, to: number) => void
  /** The first cell of the head. */
  all: ReactNode
}

export function ColumnRows(props: ColumnRowsProps) {
  const { label, rows, shown, infos, fates, targets, twice, planning, all } = props
  const w = useWords(words)
  const keys = useMemo(() => keysOf(rows), [rows])
  // By its key, because it is somewhere else after every move.
  const [held, setHeld] = useState<string | null>(null)
  const [dragged, setDragged] = useState<string | null>(null)
  const [over, setOver] = useState<string | null>(null)
  const whole = shown.map((at) => keys[at] ?? at).join('\0')
  const order = useMemo(() => (whole === '' ? [] : whole.split('\0')), [whole])
  // Another function only for another order: with each one the heights are added up anew.
  const keyOf = useCallback((index: number) => order[index] ?? index, [order])
  const place = (key: string | null) => (key === null ? -1 : order.indexOf(key))
  const { body, offset, virtualizer, items, total } = useWindowRows({
    count: shown.length,
    height: ROW_HEIGHT,
    keyOf,
    overscan: OVERSCAN,
    held: place(dragged ?? held),
    covered: COVERED,
  })

  const moveTo = (from: number, to: number) => {
    const [source, target] = [shown[from], shown[Math.max(0, Math.min(shown.length - 1, to))]]
    if (source !== undefined && target !== undefined && source !== target) props.move(source, target)
  }
  const latest = useRef({ ...props, moveTo, virtualizer, dragged, place })
  latest.current = { ...props, moveTo, virtualizer, dragged, place }
  const does = useMemo<RowDoes>(
    () => ({
      change: (at, part) => latest.current.change(at, part),
      focus: setHeld,
      key: (key, event) => {
        const { shown, moveTo, place } = latest.current
        const steps: Record<string, number> = { ArrowUp: -1, ArrowDown: 1, PageUp: -LEAP, PageDown: LEAP, Home: -shown.length, End: shown.length }
        const by = steps[event.key]
        if (by === undefined || event.altKey || event.ctrlKey || event.metaKey) return
        event.preventDefault()
        moveTo(place(key), place(key) + by)
        requestAnimationFrame(() => {
          const { place, virtualizer } = latest.current
          if (place(key) >= 0) virtualizer.scrollToIndex(place(key))
        })
      },
      dragStart: (key, event) => {
        // Without data some browsers do not drag at all; the row is what is seen to move.
        event.dataTransfer.setData('text/plain', key)
        event.dataTransfer.effectAllowed = 'move'
        const row = event.currentTarget.closest('[role=row]')
        if (row) event.dataTransfer.setDragImage(row, 12, 12)
        setDragged(key)
      },
      dragOver: (key, event) => {
        if (latest.current.dragged === null) return
        event.preventDefault()
        setOver(key)
      },
      drop: (index, event) => {
        event.preventDefault()
        const { dragged, place, moveTo } = latest.current
        if (dragged !== null) moveTo(place(dragged), index)
        setDragged(null)
        setOver(null)
      },
      dragEnd: () => {
        setDragged(null)
        setOver(null)
      },
    }),
    [],
  )
  const on = useMemo(() => rows.filter((row) => row.on).length, [rows])
  const taken = useMemo(() => new Map(rows.flatMap((row, at) => (row.on ? [[row.to ?? row.from, at] as const] : []))), [rows])
  const from = place(dragged)
  return (
    <div className={classes.grid} role="table" aria-label={label} aria-rowcount={shown.length + 1}>
      <div role="rowgroup">
        <div className={classes.gridHead} role="row" aria-rowindex={1}>
          <span role="columnheader">{all}</span>
          <span role="columnheader">{w.sourceColumn}</span>
          <span role="columnheader">{w.targetName}</span>
          <span role="columnheader">{w.type}</span>
          <span role="columnheader">{w.values}</span>
        </div>
      </div>
      <div ref={body} role="rowgroup" className={classes.gridBody} style={{ height: total }}>
        {items.map((item) => {
          const at = shown[item.index]
          const row = at === undefined ? undefined : rows[at]
          const key = order[item.index]
          if (at === undefined || row === undefined || key === undefined) return null
          const fate = fates.get(row.from)
          return (
            <div
              key={key}
              ref={virtualizer.measureElement}
              data-index={item.index}
              role="row"
              aria-rowindex={item.index + 2}
              className={classes.gridRow}
              data-off={!row.on || undefined}
              data-dragged={dragged === key || undefined}
              data-over={(dragged !== null && over === key && dragged !== key && (from < item.index ? 'below' : 'above')) || undefined}
              style={{ transform: `translateY(${item.start - offset}px)` }}
              onDragOver={(event) => does.dragOver(key, event)}
              onDrop={(event) => does.drop(item.index, event)}
              onFocus={() => does.focus(key)}
            >
              <ColumnCells
                id={key}
                at={at}
                from={row.from}
                to={row.to}
                type={row.type}
                on={row.on}
                last={row.on && on === 1}
                info={infos.get(row.from)}
                fate={row.on && fate && !(planning && (row.type !== undefined || row.to !== undefined)) ? fate : undefined}
                like={fate?.to_type ?? infos.get(row.from)?.type}
                wrong={row.on && twice.has(row.to ?? row.from) ? w.nameTwice : undefined}
                targets={targets}
                taken={taken}
                does={does}
              />
            </div>
          )
        })}
      </div>
    </div>
  )
}

interface RowDoes {
  change: (at: number, part: Partial<Mapped>) => void
  focus: (key: string) => void
  key: (key: string, event: KeyboardEvent) => void
  dragStart: (key: string, event: DragEvent) => void
  dragOver: (key: string, event: DragEvent) => void
  drop: (index: number, event: DragEvent) => void
  dragEnd: () => void
}

interface CellsProps extends Mapped {
  id: string
  /** Its place among all. */
  at: number
  /** The only one that is taken. */
  last: boolean
  info?: ColumnInfo
  fate?: ColumnPlan
  like?: string
  wrong?: string
  targets: readonly string[]
  /** Names that are given at the target, and the row that has them. */
  taken: ReadonlyMap<string, number>
  does: RowDoes
}

const ColumnCells = memo(Cells, (a, b) => {
  // Other rows' names matter only to what is offered when somebody comes into the field.
  const keys = new Set([...Object.keys(a), ...Object.keys(b)] as (keyof CellsProps)[])
  keys.delete('taken')
  return [...keys].every((key) => a[key] === b[key])
})

function Cells({ id, at, from, to, type, on, last, info, fate, like, wrong, targets, taken, does }: CellsProps) {
  const w = useWords(words)
  const known = to ?? from
  const [offers, setOffers] = useState<string[]>(NO_OFFERS)
  const name = useTyped(known, (text) => does.change(at, { to: text === from ? undefined : text }))
  const kind = useTyped(type ?? '', (text) => does.change(at, { type: text === '' ? undefined : text }))
  return (
    <>
      <span role="cell" className={classes.gridFirst}>
        <button
          type="button"
          className={classes.handle}
          draggable
          onDragStart={(event) => does.dragStart(id, event)}
          onDragEnd={does.dragEnd}
          onKeyDown={(event) => does.key(id, event)}
          aria-label={w.moveColumn(from)}
          title={w.moveHint}
        >
          <Icon name="drag" size={14} />
        </button>
        <Checkbox size="xs" checked={on} disabled={last} onChange={(e) => does.change(at, { on: e.currentTarget.checked })} aria-label={w.takeColumn(from)} />
      </span>
      <span role="cell" className={classes.gridName}>
        <span>
          {info?.key && <Icon name="key" size={12} />} <b>{from}</b>
        </span>
        <code>
          {info?.native ?? info?.type ?? fate?.from_type ?? ''}
          {info?.nullable === false ? '' : ' ?'}
        </code>
      </span>
      <span role="cell">
        <Autocomplete
          size="xs"
          aria-label={w.nameOf(from)}
          value={name.text}
          disabled={!on}
          data={offers}
          // Ranked when somebody comes to choose: for each row of a wide table it would take long.
          onFocus={() => setOffers(suggestions(from, targets, new Set([...taken].flatMap(([one, by]) => (by === at ? [] : [one])))))}
          filter={({ options, search }) => (search === known ? options : options.filter((one) => 'value' in one && one.value.toLowerCase().includes(search.toLowerCase())))}
          onChange={name.type}
          onOptionSubmit={name.put}
          onBlur={name.settle}
          error={on && name.text === '' ? w.nameMissing : wrong}
          limit={20}
        />
      </span>
      <span role="cell">
        <Autocomplete
          size="xs"
          aria-label={w.typeOf(from)}
          value={kind.text}
          disabled={!on}
          placeholder={like ?? w.likeSource}
          data={ALL_TYPES}
          onChange={kind.type}
          onOptionSubmit={kind.put}
          onBlur={kind.settle}
          limit={30}
        />
      </span>
      <span role="cell" className={classes.fate}>
        {fate ? (
          <>
            <Fidelity of={fate.fidelity} why={fate.why} />
            <code>{fate.to_type}</code>
            {fate.why && (
              <span className={classes.quiet}>
                <Told>{fate.why}</Told>
              </span>
            )}
          </>
        ) : (
          <span className={classes.quiet}>{on ? '…' : w.leftOut}</span>
        )}
      </span>
    </>
  )
}

const NO_OFFERS: string[] = []
