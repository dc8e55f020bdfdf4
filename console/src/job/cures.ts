// Where to go to mend what a run fails of or waits for, by the code of its error.

import type { Run } from '@/api/types'

/** A step of the wizard, as its address names it. */
export type Step = 'source' | 'tables' | 'target' | 'columns' | 'processors' | 'rules'

export type Cure =
  | { kind: 'dead-letters'; rows: number }
  | { kind: 'job'; step: Step | 'yaml' }
  | { kind: 'connection'; name: string }
  | { kind: 'log' }

const STEPS: Record<string, Step | 'yaml'> = {
  E0104: 'yaml', E0105: 'yaml', E0106: 'yaml', E0108: 'yaml',
  E0109: 'target', E0110: 'processors', E0111: 'processors', E0112: 'columns', E0113: 'tables', E0114: 'columns',
  E0207: 'tables', E0208: 'columns', E0209: 'source', E0215: 'source', E0217: 'source', E0218: 'source',
  E0407: 'rules', E0408: 'target', E0412: 'rules', E0413: 'source',
}
/** What lies with a store: its address, its accounts, its disk, whether it is up. */
const OF_STORES = new Set(['E0102', 'E0103', 'E0107', 'E0201', 'E0202', 'E0203', 'E0204', 'E0205', 'E0206', 'E0212', 'E0213', 'E0214', 'E0402', 'E0403'])
/** One row that does not fit. */
const OF_A_ROW = /^E03\d\d$/

/** The code of what a run fails of or waits for; a reason begins with it. */
export function codeOf(run: Pick<Run, 'error' | 'reason'>): string | null {
  return run.error?.code ?? /\bE0\d{3}\b/.exec(run.reason ?? '')?.[0] ?? null
}

/** Places to go to, the likeliest first; the log when nothing better is known. */
export function curesOf(run: Run): Cure[] {
  const code = codeOf(run)
  const cures: Cure[] = []
  if (run.dead_letters > 0) cures.push({ kind: 'dead-letters', rows: run.dead_letters })
  const step = code === null ? undefined : OF_A_ROW.test(code) ? 'rules' : STEPS[code]
  if (step !== undefined) cures.push({ kind: 'job', step })
  if (run.state === 'waiting' || (code !== null && OF_STORES.has(code))) {
    for (const name of new Set([run.source_connection, run.sink_connection])) if (name) cures.push({ kind: 'connection', name })
  }
  return [...cures, { kind: 'log' }]
}
