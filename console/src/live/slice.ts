// What the live connection tells that no endpoint holds: whether it stands, and the last minutes of
// each run's speed and lag, for the charts.

import { createSlice, type PayloadAction } from '@reduxjs/toolkit'
import type { LiveStatus } from './connection'
import { eventsOf, type LiveEvent, type LiveMessage } from './protocol'

/** One point of a run's chart. `t` is in seconds, as charts want it. */
export interface Sample {
  t: number
  rate: number
  lag: number | null
}
export interface TableTrack {
  rows_read: number
  rows_written: number
  dead_letters: number
}
export interface RunTrack {
  samples: Sample[]
  rate: number
  lag: number | null
  /** How far each table is: ahead of what the database has as durable. */
  tables: Record<string, TableTrack>
  /** Seconds until the next try, where the run waits for something outside. */
  retryAt: number | null
}
export interface LiveState {
  status: LiveStatus
  runs: Record<string, RunTrack>
}

/** Ten minutes of one sample a second. */
const SAMPLES = 600

export const emptyTrack = (): RunTrack => ({ samples: [], tables: {}, rate: 0, lag: null, retryAt: null })

const AT_REST = new Set(['paused', 'stopped', 'finished', 'failed'])

/** Takes one event into a run's track, in place. */
export function track(run: RunTrack, message: LiveEvent): void {
  const t = Date.parse(message.at) / 1000
  switch (message.type) {
    case 'progress':
      run.rate = message.rows_per_second ?? 0
      run.lag = message.lag_ms ?? null
      if (message.state !== 'waiting') run.retryAt = null
      for (const { target, rows_read = 0, rows_written = 0, dead_letters = 0 } of message.tables ?? []) {
        run.tables[target] = { rows_read, rows_written, dead_letters }
      }
      break
    case 'waiting':
      run.rate = 0
      run.retryAt = t + message.retry_in
      break
    case 'state':
      run.retryAt = null
      run.tables = {}
      if (!AT_REST.has(message.state)) return
      run.rate = 0
      break
    default:
      return
  }
  const sample: Sample = { t: Math.floor(t), rate: run.rate, lag: run.lag }
  const last = run.samples.at(-1)
  if (last && last.t >= sample.t) run.samples[run.samples.length - 1] = { ...sample, t: last.t }
  else run.samples.push(sample)
  if (run.samples.length > SAMPLES) run.samples.splice(0, run.samples.length - SAMPLES)
}

const initialState: LiveState = { status: 'idle', runs: {} }

const slice = createSlice({
  name: 'live',
  initialState,
  reducers: {
    liveStatus: (state, { payload }: PayloadAction<LiveStatus>) => {
      state.status = payload
    },
    liveMessages: (state, { payload }: PayloadAction<LiveMessage[]>) => {
      for (const message of payload) {
        if (message.type === 'snapshot') continue
        for (const event of eventsOf(message)) track((state.runs[event.run] ??= emptyTrack()), event)
      }
    },
  },
})

export const { liveStatus, liveMessages } = slice.actions
export const live = slice.reducer
