// Where we are in the server's sequence of events.

import type { LiveMessage } from './protocol'

/** The number of the last event that was taken; `null` before the first. */
export type Place = number | null

/**
 * The place after a message, or `null` for one that was taken before: after a reconnect the server
 * may send again what we have. A snapshot is always taken, also one with a smaller number: the server
 * was started anew then, and counts from the beginning. Progress has the number of the event before it,
 * and is always news.
 */
export function advance(place: Place, message: LiveMessage): { place: number } | null {
  if (message.type === 'snapshot') return { place: message.seq }
  if (message.type === 'progress') return { place: Math.max(place ?? 0, message.seq) }
  if (place !== null && message.seq <= place) return null
  return { place: message.seq }
}

const FIRST_MS = 500
const LONGEST_MS = 15_000

/** How long to wait before try number `attempt` (from 0), of which `chance` (0 to 1) takes up to a half off. */
export function backOff(attempt: number, chance: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10))
  return Math.round(full * (1 - chance / 2))
}
