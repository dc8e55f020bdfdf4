// Tables: a grid with the roles of a table, so that ten thousand rows can be drawn a screen at a
// time. On a narrow screen each row becomes a card of labelled values.

import { type CSSProperties, memo, type ReactNode, useCallback, useEffect, useRef } from 'react'
import classes from './table.module.css'
import { useWindowRows } from './windowRows'

export interface Column<T> {
  id: string
  title: string
  /** Its width, as a CSS grid says it. */
  width: string
  cell: (row: T) => ReactNode
  right?: boolean
  /** The column that names the row; a link in it is the whole row's. */
  main?: boolean
  /** Cut with an ellipsis rather than wrapped. */
  clip?: boolean
  /** On a narrow screen: a line of its own, not shown, or in the upper corner of the card. */
  narrow?: 'wide' | 'hide' | 'corner'
  /** Whether a narrow screen shows the title before the value. Yes, unless it is the main column. */
  labelled?: boolean
}

interface Props<T> {
  label: string
  columns: Column<T>[]
  rows: readonly T[]
  rowKey: (row: T) => string | number
  /** Rows lead somewhere: the link is in the main column. */
  linked?: boolean
  /** Draws only the rows in view. */
  virtual?: boolean
  /** Called as the end comes into view. */
  onEnd?: () => void
}

const ROW_HEIGHT = 40

/** Drawn again only when its row or the columns are others: not because the page was scrolled. */
const Cells = memo(AllCells) as unknown as typeof AllCells

function AllCells<T>({ columns, row }: { columns: Column<T>[]; row: T }): ReactNode {
  return columns.map((column) => {
    const kinds = [classes.cell]
    if (column.right) kinds.push(classes.right)
    if (column.main) kinds.push(classes.main)
    if (column.clip) kinds.push(classes.clip)
    if (column.narrow === 'wide') kinds.push(classes.wide)
    if (column.narrow === 'hide') kinds.push(classes.hide)
    if (column.narrow === 'corner') kinds.push(classes.corner)
    const content = column.cell(row)
    // A card has no room for what is not there.
    if (content === null || content === undefined) kinds.push(classes.hide)
    return (
      <div key={column.id} role="cell" className={kinds.join(' ')}>
        {!column.main && column.labelled !== false && column.title !== '' && (
          <span className={classes.label} aria-hidden>
            {column.title}
          </span>
        )}
        {content}
      </div>
    )
  })
}

export function DataTable<T>(props: Props<T>) {
  const { label, columns, rows, rowKey, linked, virtual } = props
  const style = { '--columns': columns.map((column) => column.width).join(' ') } as CSSProperties
  const rowClass = `${classes.row} ${linked ? classes.linked : ''}`
  return (
    <div role="table" aria-label={label} aria-rowcount={rows.length + 1} className={classes.table} style={style}>
      <div role="rowgroup" style={{ display: 'contents' }}>
        <div role="row" aria-rowindex={1} className={`${classes.row} ${classes.head}`}>
          {columns.map((column) => (
            <div
              key={column.id}
              role="columnheader"
              className={column.right ? `${classes.cell} ${classes.right}` : classes.cell}
            >
              {column.title === '' ? <span className="visually-hidden">{column.id}</span> : column.title}
            </div>
          ))}
        </div>
      </div>
      {virtual ? (
        <VirtualBody {...props} rowClass={rowClass} />
      ) : (
        <div role="rowgroup" className={classes.body}>
          {rows.map((row, index) => (
            <div key={rowKey(row)} role="row" aria-rowindex={index + 2} className={rowClass}>
              <Cells columns={columns} row={row} />
            </div>
          ))}
        </div>
      )}
    </div>
  )
}

function VirtualBody<T>({ columns, rows, rowKey, onEnd, rowClass }: Props<T> & { rowClass: string }) {
  // One function for as long as the table stands: with another one all rows would be measured anew.
  const latest = useRef({ rows, rowKey })
  latest.current = { rows, rowKey }
  const keyOf = useCallback((index: number) => {
    const row = latest.current.rows[index]
    return row === undefined ? index : latest.current.rowKey(row)
  }, [])
  const { body, offset, virtualizer, items: shown, total } = useWindowRows({ count: rows.length, height: ROW_HEIGHT, keyOf, overscan: 12 })
  const last = shown.at(-1)?.index ?? -1
  useEffect(() => {
    if (onEnd && last >= rows.length - 20) onEnd()
  }, [onEnd, last, rows.length])
  return (
    <div
      ref={body}
      role="rowgroup"
      className={`${classes.body} ${classes.virtual}`}
      style={{ height: total }}
    >
      {shown.map((item) => {
        const row = rows[item.index]
        if (row === undefined) return null
        return (
          <div
            key={item.key}
            ref={virtualizer.measureElement}
            data-index={item.index}
            role="row"
            aria-rowindex={item.index + 2}
            className={rowClass}
            style={{ transform: `translateY(${item.start - offset}px)` }}
          >
            <Cells columns={columns} row={row} />
          </div>
        )
      })}
    </div>
  )
}
