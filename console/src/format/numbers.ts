// Numbers for people: grouped, short where space is short, never rounded to something that is not so
// where exactness counts.

import type { Language } from '@/app/preferences'

const LOCALE: Record<Language, string> = { en: 'en-GB', zh: 'zh-CN' }

const formats = new Map<string, Intl.NumberFormat>()
function format(language: Language, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = language + JSON.stringify(options)
  let made = formats.get(key)
  if (!made) formats.set(key, (made = new Intl.NumberFormat(LOCALE[language], options)))
  return made
}

export const NOTHING = '–'

/** All digits: `1,234,567`. */
export function whole(n: number | null | undefined, language: Language = 'en'): string {
  return n === null || n === undefined ? NOTHING : format(language, { maximumFractionDigits: 0 }).format(n)
}

const STEPS = [
  { from: 1e9, unit: 'B' },
  { from: 1e6, unit: 'M' },
  { from: 1e3, unit: 'k' },
] as const

/** Three digits: `1.23M`. The same letters in every language, as engineers write them. Cut, not rounded up: 999,999 is `999k`. */
export function short(n: number | null | undefined): string {
  if (n === null || n === undefined) return NOTHING
  const size = Math.abs(n)
  for (const { from, unit } of STEPS) {
    if (size < from) continue
    const value = size / from
    const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
    const cut = Math.floor(value * 10 ** digits) / 10 ** digits
    return `${n < 0 ? '−' : ''}${cut}${unit}`
  }
  return String(Math.round(n))
}

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined) return NOTHING
  let value = n
  let unit = 0
  while (value >= 1024 && unit < BYTES.length - 1) {
    value /= 1024
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2
  return `${value.toFixed(digits)} ${BYTES[unit]}`
}

/** How much of it is done, 0 to 1, or `null` where nobody knows the whole. An estimate that was too small is no more than all but done. */
export function share(done: number, of: number | null | undefined, finished: boolean): number | null {
  if (finished) return 1
  if (of === null || of === undefined || of <= 0) return null
  return Math.min(0.999, Math.max(0, done / of))
}

/** `42.3 %`; never 100 % before the end. */
export function percent(part: number | null): string {
  if (part === null) return NOTHING
  if (part >= 1) return '100 %'
  return `${(Math.floor(part * 1000) / 10).toFixed(1)} %`
}
