// What a run would do: tables, columns with what becomes of their values, and all that is worth knowing before.

import { TextInput } from '@mantine/core'
import { type ReactNode, useMemo, useState } from 'react'
import type { ColumnPlan, Plan, TablePlan } from '@/api/types'
import { NOTHING, useFormat } from '@/format'
import { Icon } from '@/ui/Icon'
import { Note } from '@/ui/notes'
import { Facts, Route } from '@/ui/pieces'
import { Told } from '@/ui/Told'
import { useWords } from '@/words'
import { useServerWords } from '@/words/server'
import { shared } from '@/words/shared'
import classes from './job.module.css'
import { words } from './words'

/** What becomes of a column's values, as a mark. */
export function Fidelity({ of, why }: { of: ColumnPlan['fidelity']; why?: string | null }) {
  const w = useWords(words)
  return (
    <span className={classes.fidelity} data-fidelity={of} title={why ?? undefined}>
      {w.fidelity[of]}
    </span>
  )
}

const worst = (table: TablePlan): ColumnPlan['fidelity'] =>
  table.columns.some((one) => one.fidelity === 'lossy') ? 'lossy' : table.columns.some((one) => one.fidelity === 'widened') ? 'widened' : 'exact'

const SHOWN = 60

export function PlanView({ plan }: { plan: Plan }) {
  const w = useWords(words)
  const f = useFormat()
  const [search, setSearch] = useState('')
  const [all, setAll] = useState(false)
  const counts = useMemo(() => {
    const columns = plan.tables.flatMap((table) => table.columns)
    return {
      rows: plan.tables.some((table) => table.rows_estimated !== null) ? plan.tables.reduce((sum, table) => sum + (table.rows_estimated ?? 0), 0) : null,
      lossy: columns.filter((one) => one.fidelity === 'lossy').length,
      creates: plan.tables.filter((table) => table.creates).length,
    }
  }, [plan])
  const found = plan.tables.filter((table) => `${table.source} ${table.target}`.toLowerCase().includes(search.toLowerCase()))
  const shown = all ? found : found.slice(0, SHOWN)
  const notes = [...plan.notes, ...(plan.following?.notes ?? [])]
  const facts: [string, ReactNode][] = [
    [w.tables, f.whole(plan.tables.length)],
    [w.made, f.whole(counts.creates)],
    [w.rowsAbout, counts.rows === null ? NOTHING : f.whole(counts.rows)],
    [w.parallel, f.whole(plan.parallel)],
    [w.moment, <Told key="moment">{plan.snapshot}</Told>],
    ...(plan.following ? ([[w.follows, <>
            <Told>{plan.following.from}</Told> · <Told>{plan.following.guarantee}</Told>
          </>]] satisfies [string, ReactNode][]) : []),
  ]
  return (
    <div className={classes.stack}>
      <Facts items={facts} />
      {counts.lossy > 0 && (
        <Note tone="waiting" title={w.lossyCount(counts.lossy)}>
          <p>{w.lossyHint}</p>
        </Note>
      )}
      {notes.map((note) => (
        <p key={note} className={classes.planNote}>
          <Icon name="info" size={13} /> <Told>{note}</Told>
        </p>
      ))}
      {plan.tables.length > 8 && (
        <TextInput value={search} onChange={(e) => setSearch(e.currentTarget.value)} placeholder={w.findTable} aria-label={w.findTable} leftSection={<Icon name="search" size={14} />} maw={320} />
      )}
      <div className={classes.plans}>
        {shown.map((table) => (
          <details key={`${table.source}→${table.target}`} className={classes.plan} open={plan.tables.length === 1}>
            <summary>
              <Icon name="chevron" size={12} />
              <span className={classes.planName}>
                <Route from={table.source} to={table.target} />
              </span>
              <span className={classes.planFacts}>
                {table.creates ? w.create : w.there} · {w.write[table.write as keyof typeof w.write] ?? table.write} · {w.columns(table.columns.length)}
                {table.rows_estimated !== null && ` · ≈ ${f.whole(table.rows_estimated)}`}
              </span>
              <Fidelity of={worst(table)} />
            </summary>
            <div className={classes.planBody}>
              {table.notes.map((note) => (
                <p key={note} className={classes.planNote}>
                  <Icon name="info" size={13} /> <Told>{note}</Told>
                </p>
              ))}
              <p className={classes.quiet}>
                <Told>{table.guarantee}</Told> · {w.splits(table.splits)} · {table.resumable ? w.resumable : w.again}
              </p>
              <Columns table={table} />
            </div>
          </details>
        ))}
      </div>
      {found.length > shown.length && (
        <button type="button" className={classes.more} onClick={() => setAll(true)}>
          {w.moreTables(found.length - shown.length)}
        </button>
      )}
    </div>
  )
}

function Columns({ table }: { table: TablePlan }) {
  const w = useWords(words)
  const { tell } = useServerWords()
  const s = useWords(shared)
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label={`${s.details}: ${table.source}`}>
      <table className={classes.small}>
        <thead>
          <tr>
            <th scope="col">{w.from}</th>
            <th scope="col">{w.to}</th>
            <th scope="col">{w.values}</th>
          </tr>
        </thead>
        <tbody>
          {table.columns.map((one) => (
            <tr key={one.to}>
              <td>
                <b>{one.from || NOTHING}</b> <code>{one.from_type}</code>
              </td>
              <td>
                {one.to !== one.from && <b>{one.to} </b>}
                <code>{one.to_type}</code>
              </td>
              <td>
                <Fidelity of={one.fidelity} /> {one.why && <span className={classes.quiet}><Told>{one.why}</Told></span>}
                {one.refused && one.refused.length > 0 && <span className={classes.quiet}> {w.refused(one.refused.map(tell).join(', '))}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
