// What the live WebSocket says, and what it is asked.

import type { Run, RunState } from '@/api/types'

interface Numbered {
  seq: number
}
interface OfRun extends Numbered {
  run: string
  job: string
  at: string
}

export interface Snapshot extends Numbered {
  type: 'snapshot'
  runs: Run[]
}
export interface StateEvent extends OfRun {
  type: 'state'
  state: RunState
  reason?: string | null
}
export interface ProgressEvent extends OfRun {
  type: 'progress'
  /** The target table. */
  table: string
  rows_read: number
  rows_written: number
  splits_done: number
  splits: number
  rows_estimated: number | null
  rows_per_second: number
}
export interface FollowingEvent extends OfRun {
  type: 'following' | 'streaming'
  changes_per_second?: number
  lag_ms: number | null
  position: string
}
export interface WaitingEvent extends OfRun {
  type: 'waiting'
  reason: string
  retry_in: number
}
export interface LogEvent extends OfRun {
  type: 'log'
  level: string
  message: string
}
export interface OtherEvent extends OfRun {
  type: 'planned' | 'note' | 'checkpoint' | 'finished' | 'failed'
  [field: string]: unknown
}

export type LiveEvent = StateEvent | ProgressEvent | FollowingEvent | WaitingEvent | LogEvent | OtherEvent
export type LiveMessage = Snapshot | LiveEvent

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
    return typeof seq === 'number' && typeof type === 'string' ? (value as LiveMessage) : null
  } catch {
    return null
  }
}
