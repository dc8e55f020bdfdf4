import { expect, it } from 'vitest'
import type { Run } from '@/api/types'
import { codeOf, curesOf } from './cures'

const run = (fields: Partial<Run>): Run => ({
  id: 'r1', job: 'j', project: 'default', state: 'failed', reason: null, mode: 'full', source: 'a', sink: 'b', epoch: 1, rows_read: 0, rows_written: 0, rows_estimated: null,
  dead_letters: 0, rows_per_second: 0, cpu_ms: 0, created_at: '', updated_at: '', priority: 0, trigger: 'api', following: false, source_connection: 'shop', sink_connection: 'wh', ...fields,
})
const failed = (code: string, fields: Partial<Run> = {}) => curesOf(run({ error: { code, message: 'm' }, ...fields }))

it('a bad row leads to the rows and to what is done with them', () => {
  expect(failed('E0309', { dead_letters: 11 })).toEqual([{ kind: 'dead-letters', rows: 11 }, { kind: 'job', step: 'rules' }, { kind: 'log' }])
  expect(failed('E0407')).toEqual([{ kind: 'job', step: 'rules' }, { kind: 'log' }])
})

it('a store leads to its connections, each once', () => {
  expect(failed('E0202')).toEqual([{ kind: 'connection', name: 'shop' }, { kind: 'connection', name: 'wh' }, { kind: 'log' }])
  expect(failed('E0201', { sink_connection: 'shop' })).toEqual([{ kind: 'connection', name: 'shop' }, { kind: 'log' }])
  expect(failed('E0201', { source_connection: null, sink_connection: null })).toEqual([{ kind: 'log' }])
  expect(curesOf(run({ state: 'waiting', reason: 'E0204 the server is gone' }))[0]).toEqual({ kind: 'connection', name: 'shop' })
})

it('the code stands in the error, or in the reason', () => {
  expect(codeOf(run({ reason: 'waits: E0204 gone' }))).toBe('E0204')
  expect(codeOf(run({ reason: 'paused by ann' }))).toBeNull()
  expect(failed('E0901')).toEqual([{ kind: 'log' }])
})
