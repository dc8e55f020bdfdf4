import { describe, expect, it } from 'vitest'
import { cronWords, isZone, nextStarts, parseCron } from './cron'

describe('cron in words', () => {
  it.each([
    ['0 3 * * *', 'every day at 03:00', '每天 03:00'],
    ['*/5 * * * *', 'every 5 minutes', '每 5 分钟'],
    ['* * * * *', 'every minute', '每分钟'],
    ['0 * * * *', 'every hour, on the hour', '每小时整点'],
    ['30 * * * *', 'at minute 30, every hour', '每小时第 30 分'],
    ['0 */2 * * *', 'every 2 hours, on the hour', '每 2 小时整点'],
    ['0 9 * * 1-5', 'at 09:00, from Monday to Friday', '周一至周五 09:00'],
    ['0 9,18 * * MON,WED', 'at 09:00 and 18:00, on Monday and Wednesday', '周一、周三 09:00、18:00'],
    ['15 6 1 * *', 'at 06:15, on the 1st of every month', '每月 1 日 06:15'],
    ['0 0 1 1 *', 'at 00:00, on the 1st in January', '1 月1 日 00:00'],
    ['0 12 13 * 5', 'at 12:00, on the 13th or on Friday', '每月 13 日或周五 12:00'],
    ['*/10 8-18 * * 0,6', 'every 10 minutes, in hour 08 to 18, on Saturday and Sunday', '周末 8 至 18 点内每 10 分钟'],
    ['0 0 3 * * *', 'every day at 03:00', '每天 03:00'],
    ['@daily', 'every day at 00:00', '每天 00:00'],
  ])('%s', (text, en, zh) => {
    expect(cronWords(text, 'en')).toBe(en)
    expect(cronWords(text, 'zh')).toBe(zh)
  })

  it.each(['', '* * * *', '60 * * * *', '* 24 * * *', '* * 0 * *', '* * * 13 *', '5-1 * * * *', '*/0 * * * *', 'a * * * *', '1 * * * * *', '1-2-3 * * * *', '1/2/3 * * * *', '@often'])(
    'is not %j',
    (text) => {
      expect(parseCron(text)).toBeNull()
      expect(cronWords(text, 'en')).toBeNull()
    },
  )

  it('takes 7 for Sunday', () => {
    expect(parseCron('0 0 * * 7')?.weekdays.at).toEqual([0])
  })
})

describe('the next starts', () => {
  const at = (iso: string) => Date.parse(iso)
  const next = (cron: string, zone: string, from: string, count = 3) => nextStarts(cron, zone, at(iso(from)), count).map((ms) => new Date(ms).toISOString())
  const iso = (text: string) => text

  it('are in the zone that is named', () => {
    expect(next('0 3 * * *', 'Asia/Shanghai', '2026-11-21T20:00:00Z', 2)).toEqual(['2026-11-22T19:00:00.000Z', '2026-11-23T19:00:00.000Z'])
    expect(next('0 3 * * *', 'Asia/Shanghai', '2026-11-21T18:59:59Z', 1)).toEqual(['2026-11-21T19:00:00.000Z'])
    expect(next('0 0 * * *', 'Asia/Kathmandu', '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-01T18:15:00.000Z'])
  })

  it('make up for a time that spring leaves out, and take the first of autumn’s two', () => {
    expect(next('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual(['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'])
    expect(next('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'])
  })

  it('know months and leap years', () => {
    expect(next('0 0 29 2 *', 'UTC', '2026-03-01T00:00:00Z', 1)).toEqual(['2028-02-29T00:00:00.000Z'])
    expect(next('0 0 30 2 *', 'UTC', '2026-03-01T00:00:00Z', 1)).toEqual([])
    expect(next('0 12 13 * 5', 'UTC', '2026-11-01T00:00:00Z', 3)).toEqual(['2026-11-06T12:00:00.000Z', '2026-11-13T12:00:00.000Z', '2026-11-20T12:00:00.000Z'])
  })

  it('are none without a zone', () => {
    expect(isZone('Mars/Olympus')).toBe(false)
    expect(next('* * * * *', 'Mars/Olympus', '2026-11-01T00:00:00Z')).toEqual([])
  })
})
