import { expect, it } from 'vitest'
import type { Run } from '@/api/types'
import { withBroken } from './sources'

const run = (fields: Partial<Run>): Run => ({
  id: 'r1', job: 'j', project: 'default', state: 'failed', reason: null, mode: 'changes', source: 'mysql://a/b', sink: 'b', epoch: 1, rows_read: 0, rows_written: 0, rows_estimated: null,
  dead_letters: 0, rows_per_second: 0, cpu_ms: 0, created_at: '', updated_at: '', priority: 0, trigger: 'api', following: false, source_connection: 'shop', ...fields,
})
const source = (connection: string, in_sync: boolean | null, jobs = ['other']) => ({ connection, in_sync, lag_ms: null, jobs })

it('a source whose follower has failed is not in sync, whatever else reads it', () => {
  expect(withBroken([source('shop', true)], [run({})])).toEqual([{ connection: 'shop', in_sync: false, lag_ms: null, jobs: ['other', 'j'], broken: true }])
  expect(withBroken([], [run({ source_connection: null })])[0]).toMatchObject({ connection: 'mysql://a/b', in_sync: false })
})

it('a copy that failed, or a follower that waits, says nothing of it', () => {
  expect(withBroken([], [run({ mode: 'full' }), run({ state: 'waiting' })])).toEqual([])
})

it('what is not in sync stands first', () => {
  const all = withBroken([source('a', null), source('b', true), source('c', false)], [run({ source_connection: 'd' })])
  expect(all.map((one) => one.connection)).toEqual(['d', 'c', 'b', 'a'])
})
