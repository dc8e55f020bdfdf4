// Where in a job file the cursor stands, and what may be written there.

import { isMap, isPair, isScalar, isSeq, parseDocument } from 'yaml'
import type { Path } from './document'
import { keysAt, type Offer, type Schema, valuesAt } from './schema'

/** Values that only this server knows: connections, tables, columns, types. */
export type Hints = (path: Path) => readonly string[] | undefined

export interface Place {
  path: Path
  /** A key is being written into the map at `path`, beside these. */
  key: boolean
  beside: string[]
  /** Where the word begins that is being written. */
  from: number
  to: number
}

const MARK = 'cursor__here'
const WORD = /[\w+.*!-]*$/

/** The place of the cursor, or `null` where nothing can be said (in a comment, in a broken text). */
export function placeAt(text: string, at: number): Place | null {
  const lineStart = text.lastIndexOf('\n', at - 1) + 1
  const before = text.slice(lineStart, at)
  if (/(^|\s)#/.test(before)) return null
  const from = at - (WORD.exec(before)?.[0].length ?? 0)
  const to = at + (/^[\w+.*!-]*/.exec(text.slice(at))?.[0].length ?? 0)
  const rest = text.slice(to)
  // Behind a colon or inside a text there can only be a value; else a key is tried first.
  const lead = text.slice(lineStart, from)
  const quote = /["']$/.test(lead) ? lead.slice(-1) : ''
  const isKey = /^\s*:(\s|$)/.test(rest)
  const asValue = () => find(text.slice(0, from) + MARK + rest, from, to)
  const asKey = () => find(`${text.slice(0, from)}${MARK}: ~${rest}`, from, to)
  if (quote !== '') return asValue()
  if (isKey) return find(text.slice(0, from) + MARK + rest, from, to)
  if (/:\s+$/.test(lead)) return asValue()
  // In a list of texts a key would be a map of its own; the schema tells which of them fits.
  return asKey() ?? asValue()
}

function find(text: string, from: number, to: number): Place | null {
  const document = parseDocument(text, { prettyErrors: false })
  const path: (string | number)[] = []
  const walk = (node: unknown): Place | null => {
    if (isScalar(node)) return node.value === MARK ? { path: [...path], key: false, beside: [], from, to } : null
    if (isMap(node)) {
      for (const pair of node.items) {
        const name = isScalar(pair.key) ? String(pair.key.value) : ''
        if (name === MARK) return { path: [...path], key: true, beside: keysOf(node.items).filter((key) => key !== MARK), from, to }
        path.push(name)
        const found = walk(pair.value)
        if (found) return found
        path.pop()
      }
    } else if (isSeq(node)) {
      for (const [i, item] of node.items.entries()) {
        path.push(i)
        const found = walk(isPair(item) ? item.value : item)
        if (found) return found
        path.pop()
      }
    }
    return null
  }
  return walk(document.contents)
}

function keysOf(items: readonly unknown[]): string[] {
  return items.flatMap((pair) => (isPair(pair) && isScalar(pair.key) ? [String(pair.key.value)] : []))
}

export interface Completion {
  from: number
  to: number
  offers: (Offer & { key: boolean })[]
}

/** What may stand where the cursor is. */
export function complete(schema: Schema, text: string, at: number, hints?: Hints): Completion | null {
  const place = placeAt(text, at)
  if (!place) return null
  const { from, to } = place
  const values = (path: Path) => [...(hints?.(path)?.map((label): Offer => ({ label })) ?? []), ...valuesAt(schema, path)].map((one) => ({ ...one, key: false }))
  if (!place.key) return { from, to, offers: values(place.path) }
  const keys = keysAt(schema, place.path, place.beside).map((one) => ({ ...one, key: true }))
  const offers = keys.length > 0 || place.beside.length > 0 ? keys : values(place.path)
  const open = hints?.(place.path)?.map((label) => ({ label, key: true })) ?? []
  return { from, to, offers: keys.length > 0 || offers.length > 0 ? offers : open }
}
