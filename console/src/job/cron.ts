// Cron expressions of five fields (minute hour day month weekday): read, said in words, and the next
// moments at which they start something in a time zone.

import type { Language } from '@/app/preferences'

export interface Cron {
  minutes: Field
  hours: Field
  days: Field
  months: Field
  weekdays: Field
}
interface Field {
  /** The numbers it fits, in order. */
  at: number[]
  /** `*`: every one there is. */
  any: boolean
  /** Every so many of them. */
  step: number | null
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']
const NICKNAMES: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
}

/** Reads an expression; `null` for what is none. */
export function parseCron(text: string): Cron | null {
  const trimmed = text.trim()
  const fields = (NICKNAMES[trimmed.toLowerCase()] ?? trimmed).split(/\s+/)
  // Seconds may stand before the minutes; at the full minute they say nothing more.
  if (fields.length === 6 && fields[0] === '0') fields.shift()
  if (fields.length !== 5) return null
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields
  const minutes = field(minute, 0, 59)
  const hours = field(hour, 0, 23)
  const days = field(day, 1, 31)
  const months = field(month, 1, 12, MONTHS, 1)
  const week = field(weekday, 0, 7, DAYS, 0)
  if (!minutes || !hours || !days || !months || !week) return null
  const weekdays = { ...week, at: [...new Set(week.at.map((n) => n % 7))].sort((a, b) => a - b) }
  return { minutes, hours, days, months, weekdays }
}

function field(text: string, least: number, most: number, names: readonly string[] = [], first = 0): Field | null {
  const number = (word: string): number | null => {
    const named = names.indexOf(word.toUpperCase())
    if (named >= 0) return named + first
    return /^\d{1,2}$/.test(word) ? Number(word) : null
  }
  const at = new Set<number>()
  let step: number | null = null
  const parts = text.split(',')
  for (const part of parts) {
    const [range = '', every, more] = part.split('/')
    if (more !== undefined) return null
    const by = every === undefined ? 1 : number(every)
    if (by === null || by < 1) return null
    let from: number | null = least
    let to: number | null = most
    if (range !== '*' && range !== '?') {
      const [low = '', high, rest] = range.split('-')
      if (rest !== undefined) return null
      from = number(low)
      to = high === undefined ? (every === undefined ? from : most) : number(high)
    } else if (every !== undefined && parts.length === 1) step = by
    if (from === null || to === null || from < least || to > most || from > to) return null
    for (let n = from; n <= to; n += by) at.add(n)
  }
  return { at: [...at].sort((a, b) => a - b), any: text === '*' || text === '?' || step === 1, step: step === 1 ? null : step }
}

const two = (n: number) => String(n).padStart(2, '0')

/** `every day at 03:00`: what the expression says, or `null` for what is none. */
export function cronWords(text: string, language: Language): string | null {
  const cron = parseCron(text)
  if (!cron) return null
  return language === 'zh' ? inChinese(cron) : inEnglish(cron)
}

const LONG_DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const LONG_MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const ZH_DAYS = ['日', '一', '二', '三', '四', '五', '六']

function list(words: string[], and: string): string {
  if (words.length < 2) return words.join('')
  return `${words.slice(0, -1).join(', ')} ${and} ${words.at(-1) ?? ''}`
}

function ordinal(n: number): string {
  const last = n % 100 >= 11 && n % 100 <= 13 ? 0 : n % 10
  return `${n}${last === 1 ? 'st' : last === 2 ? 'nd' : last === 3 ? 'rd' : 'th'}`
}

/** `3–7` for a run of three or more, else the numbers. */
function runs<T>(numbers: number[], say: (n: number) => string, through: (a: string, b: string) => T): (string | T)[] {
  const made: (string | T)[] = []
  for (let i = 0; i < numbers.length; ) {
    let j = i
    while (numbers[j + 1] === (numbers[j] ?? 0) + 1) j += 1
    const first = numbers[i] ?? 0
    const last = numbers[j] ?? 0
    if (j - i >= 2) made.push(through(say(first), say(last)))
    else for (let n = first; n <= last; n += 1) made.push(say(n))
    i = j + 1
  }
  return made
}

const isWorkdays = (at: number[]) => at.join() === '1,2,3,4,5'
const isWeekend = (at: number[]) => at.join() === '0,6'

function clockTimes(cron: Cron): string[] | null {
  if (cron.hours.any || cron.minutes.any || cron.hours.step !== null) return null
  if (cron.hours.at.length * cron.minutes.at.length > 6) return null
  return cron.hours.at.flatMap((hour) => cron.minutes.at.map((minute) => `${two(hour)}:${two(minute)}`))
}

function inEnglish(cron: Cron): string {
  const { minutes, hours, days, months, weekdays } = cron
  const times = clockTimes(cron)
  let when: string
  if (times) when = `at ${list(times, 'and')}`
  else {
    const minute = minutes.any
      ? 'every minute'
      : minutes.step !== null
        ? `every ${minutes.step} minutes`
        : minutes.at.length === 1 && minutes.at[0] === 0
          ? 'on the hour'
          : `at minute ${list(runs(minutes.at, String, (a, b) => `${a} to ${b}`), 'and')}`
    const hour = hours.any
      ? minutes.any || minutes.step !== null ? '' : 'every hour'
      : hours.step !== null
        ? `every ${hours.step} hours`
        : `in hour ${list(runs(hours.at, two, (a, b) => `${a} to ${b}`), 'and')}`
    when = minute === 'on the hour' ? (hour.startsWith('every') ? `${hour}, on the hour` : `on the hour, ${hour}`) : [minute, hour].filter(Boolean).join(', ')
  }
  const week = weekdays.any
    ? ''
    : isWorkdays(weekdays.at) ? 'from Monday to Friday' : isWeekend(weekdays.at) ? 'on Saturday and Sunday' : `on ${list(runs(weekdays.at, (n) => LONG_DAYS[n] ?? '', (a, b) => `${a} to ${b}`), 'and')}`
  const day = days.any ? '' : days.step !== null ? `every ${days.step} days of the month` : `on the ${list(runs(days.at, ordinal, (a, b) => `${a} to the ${b}`), 'and')}`
  const month = months.any ? '' : `in ${list(runs(months.at, (n) => LONG_MONTHS[n - 1] ?? '', (a, b) => `${a} to ${b}`), 'and')}`
  // Where both are given, either is enough.
  const date = day !== '' && week !== '' ? `${day} or ${week}` : day || week
  const rest = [date, month].filter(Boolean).join(' ')
  if (rest === '') return times ? `every day ${when}` : when
  const ofMonth = day !== '' && week === '' && month === '' && days.step === null ? ' of every month' : ''
  return `${when}, ${rest}${ofMonth}`
}

function inChinese(cron: Cron): string {
  const { minutes, hours, days, months, weekdays } = cron
  const times = clockTimes(cron)
  const through = (a: string, b: string) => `${a} 至 ${b}`
  let when: string
  if (times) when = times.join('、')
  else {
    const hour = hours.any ? (minutes.any || minutes.step !== null ? '' : '每小时') : hours.step !== null ? `每 ${hours.step} 小时` : `${runs(hours.at, String, through).join('、')} 点`
    const minute = minutes.any ? '每分钟' : minutes.step !== null ? `每 ${minutes.step} 分钟` : minutes.at.length === 1 && minutes.at[0] === 0 ? '整点' : `第 ${runs(minutes.at, String, through).join('、')} 分`
    when = hour !== '' && minute.startsWith('每') ? `${hour}内${minute}` : `${hour}${minute}`
  }
  const week = weekdays.any ? '' : isWorkdays(weekdays.at) ? '周一至周五' : isWeekend(weekdays.at) ? '周末' : `周${runs(weekdays.at, (n) => ZH_DAYS[n] ?? '', (a, b) => `${a}至周${b}`).join('、周')}`
  const month = months.any ? '' : `${runs(months.at, String, through).join('、')} 月`
  const day = days.any ? '' : days.step !== null ? `每 ${days.step} 天` : `${runs(days.at, String, through).join('、')} 日`
  const dated = day === '' ? month : `${month === '' ? '每月 ' : month}${day}`
  const date = dated !== '' && week !== '' && day !== '' ? `${dated}或${week}` : [dated, week].filter(Boolean).join(' ')
  if (date === '') return times ? `每天 ${when}` : when
  return `${date} ${when}`
}

interface Clock {
  year: number
  month: number
  day: number
  hour: number
  minute: number
}

const formats = new Map<string, Intl.DateTimeFormat>()

function inZone(ms: number, zone: string): Clock {
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' })
    formats.set(zone, format)
  }
  const parts: Record<string, number> = {}
  for (const { type, value } of format.formatToParts(ms)) parts[type] = Number(value)
  return { year: parts.year ?? 0, month: parts.month ?? 1, day: parts.day ?? 1, hour: parts.hour ?? 0, minute: parts.minute ?? 0 }
}

/** The instants at which clocks of the zone show this: none in the gap of spring, two in autumn's fold. */
function instantsOf({ year, month, day, hour, minute }: Clock, zone: string): number[] {
  const wall = Date.UTC(year, month - 1, day, hour, minute)
  const offset = (at: number) => {
    const c = inZone(at, zone)
    return Date.UTC(c.year, c.month - 1, c.day, c.hour, c.minute) - Math.floor(at / 60_000) * 60_000
  }
  const tries = new Set([offset(wall - 86_400_000), offset(wall + 86_400_000)].map((by) => wall - by))
  return [...tries].filter((at) => at + offset(at) === wall).sort((a, b) => a - b)
}

/** A time that spring leaves out is made up for as soon as the gap is over. */
function afterGap(clock: Clock, zone: string): number | undefined {
  const wall = Date.UTC(clock.year, clock.month - 1, clock.day, clock.hour, clock.minute)
  for (let at = wall - 15 * 3_600_000; at < wall + 15 * 3_600_000; at += 60_000) {
    const c = inZone(at, zone)
    if (Date.UTC(c.year, c.month - 1, c.day, c.hour, c.minute) > wall) return at
  }
  return undefined
}

export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}

/** The next `count` starts after `from`; fewer when there are none in the coming years (30 February). */
export function nextStarts(text: string, zone: string, from: number, count: number): number[] {
  const cron = parseCron(text)
  if (!cron || !isZone(zone)) return []
  const found: number[] = []
  const first = inZone(from, zone)
  const day = new Date(Date.UTC(first.year, first.month - 1, first.day))
  for (let ahead = 0; ahead < 366 * 5 && found.length < count; ahead += 1) {
    const fitsDay = dayFits(cron, day)
    if (fitsDay) {
      for (const hour of cron.hours.at) {
        for (const minute of cron.minutes.at) {
          const date = { year: day.getUTCFullYear(), month: day.getUTCMonth() + 1, day: day.getUTCDate(), hour, minute }
          const [at = cron.hours.any ? undefined : afterGap(date, zone)] = instantsOf(date, zone)
          if (at !== undefined && at > from) found.push(at)
        }
        if (found.length >= count) break
      }
    }
    day.setUTCDate(day.getUTCDate() + 1)
  }
  return found.sort((a, b) => a - b).slice(0, count)
}

function dayFits({ days, months, weekdays }: Cron, day: Date): boolean {
  if (!months.at.includes(day.getUTCMonth() + 1)) return false
  const ofMonth = days.at.includes(day.getUTCDate())
  const ofWeek = weekdays.at.includes(day.getUTCDay())
  if (days.any || weekdays.any) return ofMonth && ofWeek
  return ofMonth || ofWeek
}
