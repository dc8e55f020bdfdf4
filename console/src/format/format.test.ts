import { describe, expect, it } from 'vitest'
import { bytes, percent, share, short, whole } from './numbers'
import { place } from './places'
import { ago, between, duration, moment, remaining, stamp } from './times'

describe('numbers', () => {
  it('are never rounded up to what they are not', () => {
    expect(short(999_999)).toBe('999k')
    expect(short(1_239_999)).toBe('1.23M')
    expect(short(-1_500)).toBe('−1.5k')
    expect(short(12)).toBe('12')
    expect(short(null)).toBe('–')
    expect(whole(1_234_567)).toBe('1,234,567')
  })

  it('of bytes have binary units', () => {
    expect(bytes(1023)).toBe('1023 B')
    expect(bytes(1536)).toBe('1.50 KiB')
    expect(bytes(5 * 1024 ** 3)).toBe('5.00 GiB')
  })

  it('of a share reach the whole only at the end', () => {
    expect(percent(share(1_000, 1_000, false))).toBe('99.9 %')
    expect(percent(share(1_200, 1_000, false))).toBe('99.9 %')
    expect(percent(share(999, 1_000, true))).toBe('100 %')
    expect(share(5, null, false)).toBeNull()
    expect(share(0, 0, false)).toBeNull()
    expect(percent(0.12399)).toBe('12.3 %')
  })
})

describe('places', () => {
  it('are told apart without who signs in', () => {
    expect(place('mysql://sync@db1:3306/shop?tls=required')).toBe('db1/shop')
    expect(place('postgres://u@a:5432,b:5432,c/warehouse')).toBe('a+2/warehouse')
    expect(place('postgres://[::1]:5432/w')).toBe('[::1]/w')
    expect(place('sqlite:/var/lib/data/shop.db')).toBe('…/data/shop.db')
    expect(place('out/{table}.csv')).toBe('out/{table}.csv')
    expect(place('-')).toBe('-')
    expect(place('warehouse')).toBe('warehouse')
  })
})

describe('times', () => {
  const at = '2026-11-21T03:04:05Z'

  it('are exact and in the zone that was chosen', () => {
    expect(stamp(at, 'utc')).toBe('2026-11-21 03:04:05')
    expect(moment(at, 'utc', Date.parse('2026-11-21T23:00:00Z'))).toBe('03:04:05')
    expect(moment(at, 'utc', Date.parse('2026-11-22T00:00:00Z'))).toBe('11-21 03:04:05')
    expect(moment(at, 'utc', Date.parse('2027-01-01T00:00:00Z'))).toBe('2026-11-21 03:04:05')
    expect(stamp('nonsense')).toBe('–')
    expect(stamp(null)).toBe('–')
  })

  it('of a length have two units at most', () => {
    expect(duration(850)).toBe('850 ms')
    expect(duration(4_270)).toBe('4.2 s')
    expect(duration(59_999)).toBe('59 s')
    expect(duration(200_000)).toBe('3 m 20 s')
    expect(duration(7_200_000)).toBe('2 h')
    expect(duration(90_061_000)).toBe('1 d 1 h')
    expect(duration(-5)).toBe('0 ms')
  })

  it('are relative in both languages', () => {
    const now = Date.parse(at)
    expect(ago(at, 'en', now + 300_000)).toBe('5 minutes ago')
    expect(ago(at, 'zh', now + 300_000)).toBe('5分钟前')
    expect(ago(at, 'en', now - 7_200_000)).toBe('in 2 hours')
  })

  it('measure from one to the other, or to now', () => {
    expect(between(at, '2026-11-21T03:04:15Z')).toBe(10_000)
    expect(between(at, null, Date.parse(at) + 5)).toBe(5)
    expect(between(null, at)).toBeNull()
    expect(remaining(500, 1_000, 50)).toBe(10_000)
    expect(remaining(500, 1_000, 0)).toBeNull()
    expect(remaining(1_000, 1_000, 50)).toBeNull()
  })
})
