// Times for people: exact, in the zone that was chosen, with the length of time in words beside it.

import type { Clock, Language } from '@/app/preferences'
import { NOTHING } from './numbers'

export type Instant = string | number | null | undefined

function millis(at: Instant): number | null {
  if (at === null || at === undefined || at === '') return null
  const ms = typeof at === 'number' ? at : Date.parse(at)
  return Number.isNaN(ms) ? null : ms
}

const two = (n: number) => String(n).padStart(2, '0')

interface Parts {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
}

function parts(ms: number, clock: Clock): Parts {
  const d = new Date(ms)
  return clock === 'utc'
    ? {
        year: d.getUTCFullYear(),
        month: d.getUTCMonth() + 1,
        day: d.getUTCDate(),
        hour: d.getUTCHours(),
        minute: d.getUTCMinutes(),
        second: d.getUTCSeconds(),
      }
    : {
        year: d.getFullYear(),
        month: d.getMonth() + 1,
        day: d.getDate(),
        hour: d.getHours(),
        minute: d.getMinutes(),
        second: d.getSeconds(),
      }
}

/** `2026-11-21 03:04:05`: sorts, and is read the same everywhere. */
export function stamp(at: Instant, clock: Clock = 'local'): string {
  const ms = millis(at)
  if (ms === null) return NOTHING
  const p = parts(ms, clock)
  return `${p.year}-${two(p.month)}-${two(p.day)} ${two(p.hour)}:${two(p.minute)}:${two(p.second)}`
}

/** `03:04:05`, with the day before it unless it is today. */
export function moment(at: Instant, clock: Clock = 'local', now = Date.now()): string {
  const ms = millis(at)
  if (ms === null) return NOTHING
  const p = parts(ms, clock)
  const today = parts(now, clock)
  const time = `${two(p.hour)}:${two(p.minute)}:${two(p.second)}`
  if (p.year === today.year && p.month === today.month && p.day === today.day) return time
  const day = `${two(p.month)}-${two(p.day)}`
  return p.year === today.year ? `${day} ${time}` : `${p.year}-${day} ${time}`
}

/** A length of time in its two largest units: `850 ms`, `4.2 s`, `3 m 20 s`, `2 h 5 m`, `3 d 4 h`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return NOTHING
  const size = Math.max(0, ms)
  if (size < 1000) return `${Math.round(size)} ms`
  if (size < 10_000) return `${(Math.floor(size / 100) / 10).toFixed(1)} s`
  const seconds = Math.floor(size / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return join(minutes, 'm', seconds % 60, 's')
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return join(hours, 'h', minutes % 60, 'm')
  return join(Math.floor(hours / 24), 'd', hours % 24, 'h')
}

function join(large: number, unit: string, small: number, lesser: string): string {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${lesser}`
}

/** From one moment to another, or to now. */
export function between(from: Instant, to: Instant, now = Date.now()): number | null {
  const start = millis(from)
  if (start === null) return null
  return (millis(to) ?? now) - start
}

/** `5 minutes ago`, `in 2 hours`. */
export function ago(at: Instant, language: Language = 'en', now = Date.now()): string {
  const ms = millis(at)
  if (ms === null) return NOTHING
  const seconds = (ms - now) / 1000
  const size = Math.abs(seconds)
  const words = new Intl.RelativeTimeFormat(language === 'zh' ? 'zh-CN' : 'en-GB', { numeric: 'auto' })
  if (size < 60) return words.format(Math.round(seconds), 'second')
  if (size < 3600) return words.format(Math.round(seconds / 60), 'minute')
  if (size < 86_400) return words.format(Math.round(seconds / 3600), 'hour')
  return words.format(Math.round(seconds / 86_400), 'day')
}

/** Milliseconds until the rest is done at this speed; `null` where that cannot be said. */
export function remaining(done: number, of: number | null, perSecond: number | null | undefined): number | null {
  if (of === null || !perSecond || done >= of) return null
  return ((of - done) / perSecond) * 1000
}
