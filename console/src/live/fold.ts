// What a group of events makes of a run, as pure functions: the cache is patched with their results.

import type { Run } from '@/api/types'
import type { LiveEvent } from './protocol'

const ENDED = new Set(['stopped', 'finished', 'failed'])

/** A run after a group of its events. */
export function foldRun(run: Run, events: readonly LiveEvent[]): Run {
  const next: Run = { ...run }
  for (const event of events) {
    switch (event.type) {
      case 'state':
        next.state = event.state
        next.reason = event.reason ?? null
        if (event.state === 'running') next.started_at ??= event.at
        next.ended_at = ENDED.has(event.state) ? event.at : null
        if (event.error) next.error = event.error
        else if (event.state === 'running') next.error = null
        if (event.state !== 'running') next.rows_per_second = 0
        break
      case 'progress':
        next.state = event.state
        next.rows_read = event.rows_read
        next.rows_written = event.rows_written
        next.rows_estimated = event.rows_estimated ?? next.rows_estimated
        next.rows_per_second = event.rows_per_second ?? 0
        next.lag_ms = event.lag_ms ?? next.lag_ms
        next.following = event.following ?? next.following
        next.dead_letters = event.dead_letters ?? next.dead_letters
        next.position = event.position ?? next.position
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
