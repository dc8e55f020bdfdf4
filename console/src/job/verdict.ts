// What a comparison came to.

import type { TableVerdict, Verification } from '@/api/types'

export type Verdict = 'running' | 'repairing' | 'failed' | 'equal' | 'differs' | 'moving'

export function wrongIn(table: TableVerdict): number {
  return table.missing + table.extra + table.different + table.unfit + table.unreadable
}

export function wrongOf(verification: Verification): number {
  return verification.tables.reduce((sum, table) => sum + wrongIn(table) + (table.target_missing ? 1 : 0), 0)
}

export function verdict(verification: Verification): Verdict {
  if (verification.state !== 'finished') return verification.state
  if (wrongOf(verification) > 0) return 'differs'
  return verification.tables.some((table) => (table.moving ?? 0) > 0) ? 'moving' : 'equal'
}
