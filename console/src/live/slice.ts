// What the live connection tells that no endpoint holds: whether it stands, and the last minutes of
// each run's speed and lag, for the charts.

import { createSlice, type PayloadAction } from '@reduxjs/toolkit'
import type { LiveStatus } from './connection'
import type { LiveMessage } from './protocol'

/** One point of a run's chart. `t` is in seconds, as charts want it. */
export interface Sample {
  t: number
  rate: number
  lag: number | null
}
interface TableSpeed {
  at: number
  rate: number
}
export interface RunTrack {
  samples: Sample[]
  /** Speed of each table at its last event. */
  tables: Record<string, TableSpeed>
  rate: number
  lag: number | null
  /** Seconds until the next try, where the run waits for something outside. */
  retryAt: number | null
}
export interface LiveState {
  status: LiveStatus
  runs: Record<string, RunTrack>
}

/** Ten minutes of one sample a second. */
const SAMPLES = 600
/** A table that has said nothing for so long does not move. */
const STALE_S = 2.5

export const emptyTrack = (): RunTrack => ({ samples: [], tables: {}, rate: 0, lag: null, retryAt: null })

const AT_REST = new Set(['paused', 'stopped', 'finished', 'failed'])

/** Takes one event into a run's track, in place. */
export function track(run: RunTrack, message: LiveMessage): void {
  if (message.type === 'snapshot') return
  const t = Date.parse(message.at) / 1000
  switch (message.type) {
    case 'progress':
      run.tables[message.table] = { at: t, rate: message.rows_per_second }
      run.rate = Object.values(run.tables)
        .filter((table) => t - table.at <= STALE_S)
        .reduce((sum, table) => sum + table.rate, 0)
      run.retryAt = null
      break
    case 'following':
    case 'streaming':
      run.rate = message.changes_per_second ?? run.rate
      run.lag = message.lag_ms
      run.retryAt = null
      break
    case 'waiting':
      run.rate = 0
      run.retryAt = t + message.retry_in
      break
    case 'state':
      run.retryAt = null
      if (!AT_REST.has(message.state)) return
      run.rate = 0
      run.tables = {}
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
        track((state.runs[message.run] ??= emptyTrack()), message)
      }
    },
  },
})

export const { liveStatus, liveMessages } = slice.actions
export const live = slice.reducer
