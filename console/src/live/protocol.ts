// What the live WebSocket says, and what it is asked.

import type { Run, RunError, RunState, RunTable } from '@/api/types'

interface Numbered {
  seq: number
}
interface OfRun extends Numbered {
  run: string
  job: string | null
  at: string
  level?: string
  /** In words. */
  message?: string
}

export interface Snapshot extends Numbered {
  type: 'snapshot'
  runs: Run[]
}
export interface StateEvent extends OfRun {
  type: 'state'
  state: RunState
  reason?: string | null
  error?: RunError | null
}
/** How far one run is, as it stands in the frame of a tick. */
export interface RunProgress {
  run: string
  job: string
  state: RunState
  rows_read: number
  rows_written: number
  rows_estimated: number | null
  rows_per_second: number | null
  lag_ms?: number | null
  following?: boolean
  dead_letters?: number
  position?: string | null
  tables?: (Partial<RunTable> & { target: string })[]
}
/** All runs that moved since the last tick. */
export interface ProgressFrame extends Numbered {
  type: 'progress'
  at: string
  runs: RunProgress[]
}
/** One run of such a frame, as an event of its own. */
export interface ProgressEvent extends OfRun, RunProgress {
  type: 'progress'
  run: string
  job: string
}
export interface WaitingEvent extends OfRun {
  type: 'waiting'
  reason: string
  retry_in: number
}
export interface OtherEvent extends OfRun {
  type: 'planned' | 'note' | 'streaming' | 'dead_letters' | 'finished' | 'failed'
  [field: string]: unknown
}

export type LiveEvent = StateEvent | ProgressEvent | WaitingEvent | OtherEvent
export type LiveMessage = Snapshot | ProgressFrame | Exclude<LiveEvent, ProgressEvent>

/** What a page wants to hear of. */
export interface Interest {
  all?: boolean
  runs?: string[]
  jobs?: string[]
}

/** One subscription for everything that is wanted. */
export function merge(interests: Iterable<Interest>): Interest {
  const runs = new Set<string>()
  const jobs = new Set<string>()
  for (const one of interests) {
    if (one.all) return { all: true }
    one.runs?.forEach((run) => runs.add(run))
    one.jobs?.forEach((job) => jobs.add(job))
  }
  return { runs: [...runs].sort(), jobs: [...jobs].sort() }
}

/** A message of the server, or `null` for what is none. */
export function parse(text: string): LiveMessage | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return null
    const { seq, type } = value as Record<string, unknown>
    if (typeof seq !== 'number' || typeof type !== 'string') return null
    const whole = type !== 'progress' && type !== 'snapshot' ? true : Array.isArray((value as { runs?: unknown }).runs)
    return whole ? (value as LiveMessage) : null
  } catch {
    return null
  }
}

/** The events of a message that is no snapshot: one, or one for each run of a tick. */
export function eventsOf(message: Exclude<LiveMessage, Snapshot>): LiveEvent[] {
  if (message.type !== 'progress') return [message]
  const { seq, at } = message
  return message.runs.map((run) => ({ ...run, type: 'progress', seq, at }))
}
