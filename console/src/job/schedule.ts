// A job's schedule as it is written (a cron expression alone, or an object) and as forms show it.

import type { Language } from '@/app/preferences'
import type { Plain } from '@/yaml/document'
import { cronWords } from './cron'

export interface Schedule {
  kind: 'none' | 'cron' | 'once' | 'after'
  cron?: string
  timezone?: string
  once?: string
  after?: string
  on?: string
  overlap?: string
  missed?: string
}

const text = (value: Plain | undefined) => (typeof value === 'string' ? value : undefined)

export function readSchedule(value: Plain | undefined): Schedule {
  if (typeof value === 'string') return { kind: 'cron', cron: value }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { kind: 'none' }
  const { cron, timezone, once, after, on, overlap, missed } = value
  const kind = once !== undefined ? 'once' : after !== undefined ? 'after' : 'cron'
  return { kind, cron: text(cron), timezone: text(timezone), once: text(once), after: text(after), on: text(on), overlap: text(overlap), missed: text(missed) }
}

const KEYS = ['cron', 'timezone', 'once', 'after', 'on', 'overlap', 'missed'] as const
const OF: Record<Schedule['kind'], readonly string[]> = {
  none: [],
  cron: ['cron', 'timezone', 'overlap', 'missed'],
  once: ['once', 'overlap', 'missed'],
  after: ['after', 'on', 'overlap'],
}

/** As short as it can be said; what stands in `before` and is not known here stays. */
export function writeSchedule(schedule: Schedule, before: Plain | undefined): Plain | undefined {
  if (schedule.kind === 'none') return undefined
  const unknown = typeof before === 'object' && before !== null && !Array.isArray(before) ? Object.entries(before).filter(([key]) => !(KEYS as readonly string[]).includes(key)) : []
  const made: { [key: string]: Plain } = {}
  for (const key of KEYS) {
    const value = schedule[key]
    if (value !== undefined && OF[schedule.kind].includes(key)) made[key] = value
  }
  for (const [key, value] of unknown) made[key] = value
  const keys = Object.keys(made)
  return keys.length === 1 && keys[0] === 'cron' && typeof before !== 'object' ? made.cron : made
}

/** A schedule in a few words, for lists. */
export function scheduleWords(value: unknown, language: Language): string | null {
  const schedule = readSchedule((value ?? null) as Plain)
  if (schedule.kind === 'none') return null
  if (schedule.kind === 'after') return language === 'zh' ? `在 ${schedule.after ?? ''} 之后` : `after ${schedule.after ?? ''}`
  if (schedule.kind === 'once') return schedule.once ?? null
  const said = cronWords(schedule.cron ?? '', language) ?? schedule.cron ?? null
  return said !== null && schedule.timezone ? `${said} (${schedule.timezone})` : said
}
