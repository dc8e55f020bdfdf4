// What a group of events makes of a run, as pure functions: the cache is patched with their results.

import type { Run, RunTable } from '@/api/types'
import type { LiveEvent, ProgressEvent } from './protocol'

const ENDED = new Set(['stopped', 'finished', 'failed'])

/** The latest progress of each table in a group. */
export function latestByTable(events: readonly LiveEvent[]): Map<string, ProgressEvent> {
  const latest = new Map<string, ProgressEvent>()
  for (const event of events) if (event.type === 'progress') latest.set(event.table, event)
  return latest
}

/** Tables after a group of events; the same array when none of them moved. */
export function foldTables(tables: RunTable[], events: readonly LiveEvent[]): RunTable[] {
  const latest = latestByTable(events)
  if (latest.size === 0) return tables
  return tables.map((table) => {
    const event = latest.get(table.target)
    if (!event) return table
    return {
      ...table,
      rows_read: event.rows_read,
      rows_written: event.rows_written,
      rows_estimated: event.rows_estimated ?? table.rows_estimated,
      splits: event.splits,
      splits_done: event.splits_done,
      rows_per_second: event.rows_per_second,
    }
  })
}

/** How far each table was when it was last heard of: run → table → [read, written]. */
export type Known = Map<string, Map<string, readonly [number, number]>>

/**
 * A run after a group of its events. Progress is told by table, a run's sums are not: they grow by
 * what each table has moved since it was last heard of. The first word of a table only sets its mark.
 */
export function foldRun(run: Run, events: readonly LiveEvent[], known: Map<string, readonly [number, number]>): Run {
  const next: Run = { ...run }
  let rate: number | null = null
  for (const event of events) {
    switch (event.type) {
      case 'state':
        next.state = event.state
        next.reason = event.reason ?? null
        if (event.state === 'running') next.started_at ??= event.at
        next.ended_at = ENDED.has(event.state) ? event.at : null
        if (event.state === 'running') next.error = null
        if (event.state !== 'running') rate = 0
        break
      case 'progress': {
        const [read, written] = known.get(event.table) ?? [event.rows_read, event.rows_written]
        next.rows_read += Math.max(0, event.rows_read - read)
        next.rows_written += Math.max(0, event.rows_written - written)
        known.set(event.table, [event.rows_read, event.rows_written])
        break
      }
      case 'following':
      case 'streaming':
        next.lag_ms = event.lag_ms
        next.position = event.position
        rate = event.changes_per_second ?? rate
        break
      case 'waiting':
        next.reason = event.reason
        break
      case 'failed':
        next.error = {
          code: String(event.code),
          message: String(event.message),
          hint: typeof event.hint === 'string' ? event.hint : null,
        }
        break
      case 'planned':
        if (typeof event.rows_estimated === 'number') next.rows_estimated = event.rows_estimated
        break
      case 'finished':
        if (typeof event.rows_written === 'number') next.rows_written = Math.max(next.rows_written, event.rows_written)
        if (typeof event.rows_read === 'number') next.rows_read = Math.max(next.rows_read, event.rows_read)
        if (typeof event.dead_letters === 'number') next.dead_letters = Math.max(next.dead_letters, event.dead_letters)
        break
      default:
    }
  }
  if (rate !== null) next.rows_per_second = rate
  return next
}

/** Events by run, in their order. */
export function byRun(events: readonly LiveEvent[]): Map<string, LiveEvent[]> {
  const runs = new Map<string, LiveEvent[]>()
  for (const event of events) {
    const list = runs.get(event.run)
    if (list) list.push(event)
    else runs.set(event.run, [event])
  }
  return runs
}
