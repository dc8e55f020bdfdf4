// Which column goes where: what the form shows of a table's columns, and what it writes.

import { distance } from '@/yaml/schema'
import type { Plain } from '@/yaml/document'
import { fits, patternOf, type Table } from './patterns'

/** A row of the mapping grid. */
export interface Mapped {
  from: string
  /** Its name at the target, when it is another. */
  to?: string
  /** Its type from then on, when one was chosen. */
  type?: string
  /** Whether it is moved. */
  on: boolean
}

interface Chosen {
  from: string
  to?: string
  type?: string
}

export function readChosen(value: Plain | undefined): Chosen[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((one) => {
    if (typeof one !== 'object' || one === null || Array.isArray(one) || typeof one.from !== 'string') return []
    return [{ from: one.from, ...(typeof one.to === 'string' ? { to: one.to } : {}), ...(typeof one.type === 'string' ? { type: one.type } : {}) }]
  })
}

/** The key under `columns` that is for this table: its own, else the first pattern that fits. */
export function keyFor(columns: Plain | undefined, table: Table, defaultSchema: string | null): string | null {
  if (typeof columns !== 'object' || columns === null || Array.isArray(columns)) return null
  const keys = Object.keys(columns)
  const own = patternOf(table, defaultSchema)
  const whole = table.schema === null ? own : patternOf(table, null)
  return keys.find((key) => key === own || key === whole) ?? keys.find((key) => fits(key, table, defaultSchema)) ?? null
}

/** The grid of a table: the chosen columns in their order, then those that are left out. */
export function grid(source: readonly string[], chosen: Plain | undefined): Mapped[] {
  const list = readChosen(chosen)
  if (list.length === 0) return source.map((from) => ({ from, on: true }))
  const named = new Set(list.map((one) => one.from))
  return [...list.map((one) => ({ ...one, on: true })), ...source.filter((from) => !named.has(from)).map((from) => ({ from, on: false }))]
}

/** What stands in the job file for a grid; `undefined` when it is all columns as they are. */
export function chosenOf(source: readonly string[], rows: readonly Mapped[]): Plain | undefined {
  const taken = rows.filter((row) => row.on)
  const plain = taken.length === source.length && taken.every((row, at) => row.from === source[at] && !row.type && (!row.to || row.to === row.from))
  if (plain) return undefined
  return taken.map((row) => ({
    from: row.from,
    ...(row.to && row.to !== row.from ? { to: row.to } : {}),
    ...(row.type ? { type: row.type } : {}),
  }))
}

/** A key for each row: its column, with a number where a column is taken more than once. */
export function keysOf(rows: readonly Mapped[]): string[] {
  const seen = new Map<string, number>()
  return rows.map(({ from }) => {
    const nth = (seen.get(from) ?? 0) + 1
    seen.set(from, nth)
    return nth === 1 ? from : `${from} ${nth}`
  })
}

/** The rows that a search finds, by their place: those whose column or name at the target has the word in it. */
export function found(rows: readonly Mapped[], search: string): number[] {
  const word = search.trim().toLowerCase()
  return rows.flatMap((row, at) => (word === '' || row.from.toLowerCase().includes(word) || (row.to ?? '').toLowerCase().includes(word) ? [at] : []))
}

/** Takes the rows at these places, or leaves them out; one at least is always taken. */
export function takeAll(rows: readonly Mapped[], places: readonly number[], on: boolean): Mapped[] {
  const meant = new Set(places)
  const next = rows.map((row, at) => (meant.has(at) ? { ...row, on } : row))
  return next.some((row) => row.on) ? next : next.map((row, at) => (at === 0 ? { ...row, on: true } : row))
}

/** Names that end up twice at the target. */
export function doubled(rows: readonly Mapped[]): Set<string> {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const row of rows) {
    if (!row.on) continue
    const name = row.to ?? row.from
    if (seen.has(name)) twice.add(name)
    seen.add(name)
  }
  return twice
}

/** `orderId`, `Order ID` and `order-id` are written `order_id`. */
export function snake(name: string): string {
  return name
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1_$2')
    .replace(/(\p{Lu}+)(\p{Lu}\p{Ll})/gu, '$1_$2')
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_+|_+$/g, '')
    .toLowerCase()
}

interface Spelled {
  name: string
  lower: string
  plain: string
  words: ReadonlySet<string>
}

function spell(name: string): Spelled {
  const spelled = snake(name)
  return { name, lower: name.toLowerCase(), plain: spelled.replaceAll('_', ''), words: new Set(spelled.split('_').filter(Boolean)) }
}

/** How alike two names are: 1 is the same name, 0 nothing in common. */
export function likeness(a: string, b: string): number {
  return likenessOf(spell(a), spell(b))
}

function likenessOf(a: Spelled, b: Spelled): number {
  if (a.name === b.name) return 1
  if (a.lower === b.lower) return 0.98
  const [x, y] = [a.plain, b.plain]
  if (x === '' || y === '') return 0
  if (x === y) return 0.95
  const shared = [...a.words].filter((word) => b.words.has(word)).length
  const words = shared / Math.max(a.words.size, b.words.size)
  const within = x.length >= 3 && y.length >= 3 && (x.startsWith(y) || y.startsWith(x)) ? 0.7 : 0
  const known = Math.max(words * 0.9, within)
  const longer = Math.max(x.length, y.length)
  // Letters that one has more than the other are to be put in at least: often that says enough.
  const spelled = Math.min(x.length, y.length) / longer > known ? 1 - distance(x, y) / longer : 0
  return Math.min(0.94, Math.max(known, spelled))
}

/** Names to offer for a column, the best first: columns of the target, then the usual spellings of its own name. */
export function suggestions(from: string, targets: readonly string[], taken: ReadonlySet<string>): string[] {
  const own = spell(from)
  const ranked = targets
    .filter((one) => !taken.has(one))
    .map((one) => [one, likenessOf(own, spell(one))] as const)
    .sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))
    .map(([one]) => one)
  const spelled = [from, snake(from), from.toLowerCase()].filter((one) => one !== '' && !taken.has(one))
  return [...new Set([...ranked, ...spelled])]
}

const SURE = 0.6

/** Names for all columns at once: the surest pairs first, each target column once. */
export function matchNames(rows: readonly Mapped[], targets: readonly string[]): Mapped[] {
  const names = new Map<number, string>()
  const used = new Set<string>()
  const pair = (at: number, target: string) => {
    if (names.has(at) || used.has(target)) return
    names.set(at, target)
    used.add(target)
  }
  const sources = rows.flatMap((row, at) => (row.on ? [{ at, own: spell(row.from) }] : []))
  const spelled = targets.map(spell)
  // The same name, then the same but for its spelling: most are paired so, without a look at every other.
  for (const part of ['name', 'lower', 'plain'] as const) {
    const byPart = new Map<string, string[]>()
    for (const target of spelled) byPart.set(target[part], [...(byPart.get(target[part]) ?? []), target.name])
    for (const { at, own } of sources) for (const target of (own[part] !== '' && byPart.get(own[part])) || []) pair(at, target)
  }
  const left = spelled.filter((target) => !used.has(target.name))
  const pairs: { at: number; target: string; sure: number }[] = []
  for (const { at, own } of sources) {
    if (names.has(at)) continue
    for (const target of left) {
      const sure = likenessOf(own, target)
      if (sure >= SURE) pairs.push({ at, target: target.name, sure })
    }
  }
  for (const { at, target } of pairs.sort((a, b) => b.sure - a.sure)) pair(at, target)
  return rows.map((row, at) => {
    const name = names.get(at)
    if (name === undefined) return row
    return { from: row.from, on: row.on, ...(row.type ? { type: row.type } : {}), ...(name === row.from ? {} : { to: name }) }
  })
}

export function moved<T>(rows: readonly T[], from: number, to: number): T[] {
  if (from === to || from < 0 || to < 0 || from >= rows.length || to >= rows.length) return [...rows]
  const next = [...rows]
  next.splice(to, 0, ...next.splice(from, 1))
  return next
}

/** Portable types, as the job file names them. */
export const TYPES = [
  'bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'float32', 'float64',
  'decimal(18,2)', 'decimal', 'text', 'text(255)', 'binary', 'date', 'time', 'timestamp', 'timestamptz', 'duration', 'year', 'uuid', 'json', 'bit(1)',
] as const
