// Sample rows before and after the steps: what changed is marked, what was taken out is counted.

import { SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import type { JobPreview, RowSample } from '@/api/types'
import { Empty, ErrorNote, Loading, Note } from '@/ui/notes'
import { Told } from '@/ui/Told'
import { useWords } from '@/words'
import { words } from './words'
import classes from './wizard.module.css'

interface Asked {
  data?: JobPreview
  error?: unknown
  isLoading: boolean
}

const nameOf = (column: RowSample['columns'][number]) => (typeof column === 'string' ? column : column.name)
const typeOf = (column: RowSample['columns'][number]) => (typeof column === 'string' ? undefined : column.type)

export function Samples({ query, unchanged, onRetry }: { query: Asked; unchanged: boolean; onRetry: () => void }) {
  const w = useWords(words)
  const [side, setSide] = useState<'before' | 'after'>('after')
  const [last, setLast] = useState<JobPreview | null>(null)
  // What was shown before stays while the next is on its way.
  if (query.data !== undefined && query.data !== last) setLast(query.data)
  if (query.error !== undefined && !query.isLoading) return <div className={classes.pad}><ErrorNote error={query.error} onRetry={onRetry} /></div>
  if (!last) return <Loading rows={5} />
  const { before, after } = last
  const { rejected } = after
  if (before.rows.length === 0) return <Empty title={w.noRows} />
  const out = before.rows.length - after.rows.length - (rejected?.length ?? 0)
  const was = new Map(before.columns.map((column, at) => [nameOf(column), at]))
  const aligned = before.rows.length === after.rows.length
  return (
    <>
      <div className={classes.treeHead}>
        <SegmentedControl size="xs" value={side} onChange={(next) => setSide(next === 'before' ? 'before' : 'after')} data={[{ value: 'before', label: w.before }, { value: 'after', label: w.after }]} aria-label={w.preview} />
        <span className={classes.quiet}>
          {unchanged ? w.noChange : out > 0 ? w.takenOut(out, before.rows.length) : w.sampleRows(before.rows.length)}
        </span>
      </div>
      {rejected && rejected.length > 0 && (
        <div className={classes.pad}>
          <Note tone="failed" title={w.rejected(rejected.length)}>
            {rejected.slice(0, 3).map((one) => (
              <p key={one}>
                <Told>{one}</Told>
              </p>
            ))}
          </Note>
        </div>
      )}
      {side === 'before' ? (
        <Rows sample={before} label={w.before} />
      ) : (
        <Rows
          sample={after}
          label={w.after}
          changed={(row, at) => {
            const from = was.get(nameOf(after.columns[at] ?? ''))
            if (from === undefined) return true
            return aligned && before.rows[row]?.[from] !== after.rows[row]?.[at]
          }}
        />
      )}
    </>
  )
}

function Rows({ sample, label, changed }: { sample: RowSample; label: string; changed?: (row: number, column: number) => boolean }) {
  const w = useWords(words)
  return (
    <div className={classes.sample} tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {sample.columns.map((column) => (
              <th key={nameOf(column)} scope="col">
                {nameOf(column)}
                {typeOf(column) && <code>{typeOf(column)}</code>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sample.rows.map((row, at) => (
            <tr key={at}>
              {row.map((value, column) => (
                <td key={column} data-changed={changed?.(at, column) || undefined} title={value ?? undefined}>
                  {value === null ? <span className={classes.null}>NULL</span> : value === '' ? <span className={classes.null}>{w.emptyText}</span> : value}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
