import { expect, it } from 'vitest'
import { dayEnd, dayOf, dayStart, filterOf, searchOf } from './filter'

it('a filter survives its way through the address', () => {
  const filter = { job: 'shop & co', state: 'failed', project: 'sales', q: 'a=b', since: dayStart('2026-11-21') }
  expect(filterOf(new URLSearchParams(searchOf(filter).toString()))).toEqual(filter)
  expect(searchOf({ q: '' }).toString()).toBe('')
  expect(filterOf(new URLSearchParams('other=1'))).toEqual({})
})

it('a day has a first and a last moment', () => {
  expect(dayOf(dayStart('2026-11-21'))).toBe('2026-11-21')
  expect(dayOf(dayEnd('2026-11-21'))).toBe('2026-11-21')
  expect(Date.parse(dayEnd('2026-11-21')) - Date.parse(dayStart('2026-11-21'))).toBe(86_400_000 - 1)
  expect(dayOf('nonsense')).toBe('')
})
