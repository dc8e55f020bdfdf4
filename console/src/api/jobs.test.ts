import { describe, expect, it } from 'vitest'
import type { Run } from './types'
import { isTroubled, verificationOf } from './jobs'

describe('a comparison', () => {
  const answer = { id: 'v', job: 'j', started_by: 'ann', options: {}, created_at: '', ended_at: null, verdict: null, error: null }
  const progress = { pass: 1, tables: 3, tables_done: 1, table: 'orders', rows: 50, rows_estimated: 100, share: 0.5 }

  it('says how far it is while it runs', () => {
    expect(verificationOf({ ...answer, state: 'running', progress })).toMatchObject({ state: 'running', progress: { share: 0.5 }, tables: [] })
    expect(verificationOf({ ...answer, state: 'running', options: { repair_of: 'w' }, progress })).toMatchObject({ state: 'repairing', repair_of: 'w' })
  })

  it('is over, whatever it came to', () => {
    expect(verificationOf({ ...answer, state: 'different', verdict: { equal: false, tables: [], seconds: 2 } })).toMatchObject({ state: 'finished', equal: false, seconds: 2 })
    expect(verificationOf({ ...answer, state: 'failed' }).state).toBe('failed')
  })
})

it('a run is in trouble when it failed or waits for a store, not while it waits for its turn', () => {
  const run = (fields: Partial<Run>) => fields as Run
  expect(isTroubled(run({ state: 'failed' }))).toBe(true)
  expect(isTroubled(run({ state: 'waiting', reason: 'E0201 cannot connect' }))).toBe(true)
  expect(isTroubled(run({ state: 'waiting', reason: null, waits_for: 'all 4 slots are taken' }))).toBe(false)
  expect(isTroubled(run({ state: 'running', reason: 'resumed by ann' }))).toBe(false)
})
