// A run's chart: what the server remembers, and what was heard since.

import type { RunSamples } from '@/api/types'
import type { Sample } from './slice'

/** Both as one line in time: the server's, as far as it goes, then the live ones. */
export function joined(before: RunSamples | undefined, live: readonly Sample[]): Sample[] {
  const known = (before?.items ?? []).map(({ at, rows_per_second, lag_ms }): Sample => ({ t: Math.floor(Date.parse(at) / 1000), rate: rows_per_second, lag: lag_ms }))
  const end = known.at(-1)?.t ?? -Infinity
  return [...known, ...live.filter((one) => one.t > end)]
}
