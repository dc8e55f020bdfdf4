import { describe, expect, it } from 'vitest'
import type { Plain } from '@/yaml/document'
import { readSchedule, scheduleWords, writeSchedule } from './schedule'

describe('a schedule', () => {
  it('is written as it was read', () => {
    const all: Plain[] = ['0 3 * * *', { cron: '0 3 * * *', timezone: 'Asia/Shanghai', missed: 'skip' }, { once: '2026-12-24T18:00:00Z', overlap: 'queue' }, { after: 'load', on: 'ended' }, { cron: '0 3 * * *' }]
    for (const one of all) {
      expect(writeSchedule(readSchedule(one), one)).toEqual(one)
    }
    expect(writeSchedule({ kind: 'none' }, '0 3 * * *')).toBeUndefined()
  })

  it('keeps keys it does not know, and drops what belongs to another kind', () => {
    expect(writeSchedule({ kind: 'after', after: 'a', timezone: 'UTC' }, { cron: '* * * * *', jitter: '5s' })).toEqual({ after: 'a', jitter: '5s' })
    expect(writeSchedule({ kind: 'cron', cron: '@daily', timezone: 'UTC' }, undefined)).toEqual({ cron: '@daily', timezone: 'UTC' })
    expect(writeSchedule({ kind: 'cron', cron: '@daily' }, undefined)).toBe('@daily')
  })

  it('is said in words', () => {
    expect(scheduleWords({ cron: '0 3 * * *', timezone: 'Asia/Shanghai' }, 'en')).toBe('every day at 03:00 (Asia/Shanghai)')
    expect(scheduleWords({ after: 'load' }, 'zh')).toBe('在 load 之后')
    expect(scheduleWords('not cron', 'en')).toBe('not cron')
    expect(scheduleWords(null, 'en')).toBeNull()
  })
})
