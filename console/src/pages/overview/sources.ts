// The sources in use, with those whose follower has failed: nobody keeps them in sync any more.

import type { Overview, Run } from '@/api/types'

export type SourceState = Overview['sources'][number] & { broken?: boolean }

const follows = (run: Run) => run.mode === 'changes' || run.mode === 'full+changes'

export function withBroken(sources: Overview['sources'], troubled: readonly Run[]): SourceState[] {
  const found = new Map<string, SourceState>(sources.map((one) => [one.connection, one]))
  for (const run of troubled) {
    if (run.state !== 'failed' || !follows(run)) continue
    const connection = run.source_connection ?? run.source
    const there = found.get(connection) ?? { connection, in_sync: null, lag_ms: null, jobs: [] }
    const jobs = there.jobs.includes(run.job) ? there.jobs : [...there.jobs, run.job]
    found.set(connection, { ...there, in_sync: false, broken: true, jobs })
  }
  // What is not in sync stands first.
  const rank = (one: SourceState) => (one.broken ? 0 : one.in_sync === false ? 1 : one.in_sync === null ? 3 : 2)
  return [...found.values()].sort((a, b) => rank(a) - rank(b) || a.connection.localeCompare(b.connection))
}
