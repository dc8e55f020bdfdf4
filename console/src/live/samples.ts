// A run's chart: what the server remembers, and what was heard since.

import type { RunSamples } from '@/api/types'
import type { Sample } from './slice'

/** Both as one line in time: the server's, as far as it goes, then the live ones. */
export function joined(before: RunSamples | undefined, live: readonly Sample[]): Sample[] {
  const known = (before?.items ?? []).map(({ at, rows_per_second, lag_ms }): Sample => ({ t: Math.floor(Date.parse(at) / 1000), rate: rows_per_second, lag: lag_ms ?? null }))
  const end = known.at(-1)?.t ?? -Infinity
  return [...known, ...live.filter((one) => one.t > end)]
}

/** Rows come in large pieces: how fast it goes is said over so many seconds. */
const LATELY_S = 15

/** The mean of the last seconds; `null` where there are too few points to speak of. */
export function lately(samples: readonly Pick<Sample, 't' | 'rate'>[]): number | null {
  const end = samples.at(-1)?.t ?? 0
  const last = samples.filter((one) => one.t > end - LATELY_S)
  return last.length < 2 ? null : last.reduce((sum, one) => sum + one.rate, 0) / last.length
}
