import { expect, it } from 'vitest'
import { told } from './told'

const at = (s: number) => new Date(Date.UTC(2026, 10, 21, 3, 0, s)).toISOString()

it('events and states are one list, each told once, newest first', () => {
  const events = [
    { seq: 1, type: 'planned', at: at(1) },
    { seq: 2, type: 'progress', at: at(2) },
    { seq: 3, type: 'state', state: 'running', at: at(2) },
  ]
  const history = [
    { at: at(0), state: 'created' as const, reason: null },
    { at: at(3), state: 'running' as const, reason: null },
    { at: at(30), state: 'running' as const, reason: 'resumed' },
  ]
  const list = told(events, history)
  expect(list.map((e) => [e.type, Date.parse(e.at) - Date.parse(at(0))])).toEqual([
    ['state', 30_000],
    ['state', 2_000],
    ['planned', 1_000],
    ['state', 0],
  ])
})
