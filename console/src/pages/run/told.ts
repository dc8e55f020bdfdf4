// What a run's list of events tells: events worth a line, and states, newest first.

import type { RunEvent, StateChange } from '@/api/types'

/** Progress is in the bars and charts; a line of each would bury the rest. */
const SILENT = new Set(['progress', 'checkpoint', 'following', 'log'])
/** A state of the history and the event that told it are this close together. */
const SAME_MS = 2_000

export function told(events: readonly RunEvent[], history: readonly StateChange[]): RunEvent[] {
  const list = events.filter((event) => !SILENT.has(event.type))
  const states = list.filter((event) => event.type === 'state')
  history.forEach((change, index) => {
    const there = states.some(
      (event) => event.state === change.state && Math.abs(Date.parse(event.at) - Date.parse(change.at)) < SAME_MS,
    )
    if (!there) list.push({ seq: -1 - index, type: 'state', at: change.at, state: change.state, reason: change.reason })
  })
  return list.sort((a, b) => Date.parse(b.at) - Date.parse(a.at) || b.seq - a.seq)
}
