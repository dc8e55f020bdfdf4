import { expect, it } from 'vitest'
import type { RunState } from '@/api/types'
import { isOver, verbsOf } from './verbs'

it('a stopped run never resumes, a failed one does', () => {
  expect(verbsOf('stopped')).toEqual(['restart'])
  expect(verbsOf('failed')).toContain('resume')
  expect(verbsOf('stopping')).toEqual([])
})

it('what moves can be paused, what rests can go on', () => {
  for (const state of ['created', 'waiting', 'running'] as RunState[]) expect(verbsOf(state)).toContain('pause')
  expect(verbsOf('paused')).toContain('resume')
  for (const state of ['paused', 'running', 'pausing'] as RunState[]) expect(isOver(state)).toBe(false)
})
