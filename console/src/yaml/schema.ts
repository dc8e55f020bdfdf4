// The part of JSON Schema that the job file's schema uses: what is wrong with a value, and what may
// stand at a place.

import type { Path, Plain } from './document'
import type { Says } from './says'

export interface Finding {
  path: Path
  /** What is wrong, in the words of a language. */
  message: (say: Says) => string
  /** The key is wrong, not its value. */
  onKey?: boolean
}

export interface Schema {
  $ref?: string
  $defs?: Record<string, Schema>
  type?: string | string[]
  description?: string
  const?: unknown
  enum?: unknown[]
  oneOf?: Schema[]
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  additionalProperties?: boolean | Schema
  required?: string[]
  items?: Schema
  minimum?: number
  maximum?: number
  minItems?: number
  minProperties?: number
}

const kindOf = (value: Plain): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value === 'number' ? (Number.isInteger(value) ? 'integer' : 'number') : typeof value

export function resolve(root: Schema, schema: Schema): Schema {
  let here = schema
  for (let depth = 0; here.$ref !== undefined && depth < 32; depth += 1) {
    const name = here.$ref.replace('#/$defs/', '')
    const target = root.$defs?.[name]
    if (!target) return {}
    // What stands beside the reference (a description, a default) says more than what it refers to.
    here = { ...target, ...here, $ref: target.$ref }
  }
  return here
}

const typesOf = (schema: Schema): string[] =>
  schema.type === undefined ? [] : Array.isArray(schema.type) ? schema.type : [schema.type]

/** All that is wrong with `value`. */
export function validate(root: Schema, value: Plain, schema: Schema = root, path: Path = []): Finding[] {
  const here = resolve(root, schema)
  const choices = here.oneOf ?? here.anyOf
  if (choices) return validateChoice(root, value, choices, path)
  if (here.const !== undefined && here.const !== value) return [{ path, message: oneOfWords(value, [here.const]) }]
  if (here.enum && !here.enum.includes(value)) return [{ path, message: oneOfWords(value, here.enum) }]
  const types = typesOf(here)
  const kind = kindOf(value)
  if (types.length > 0 && !types.includes(kind) && !(kind === 'integer' && types.includes('number'))) {
    const wanted = types.filter((type) => type !== 'null')
    return [{ path, message: (say) => say.ofKind(wanted.map((type) => say.kinds[type as keyof Says['kinds']] ?? type)) }]
  }
  if (typeof value === 'number') return validateNumber(here, value, path)
  if (Array.isArray(value)) return validateArray(root, here, value, path)
  if (typeof value === 'object' && value !== null) return validateObject(root, here, value, path)
  return []
}

function validateNumber(schema: Schema, value: number, path: Path): Finding[] {
  const { minimum, maximum } = schema
  if (minimum !== undefined && value < minimum) return [{ path, message: (say) => say.atLeast(minimum) }]
  if (maximum !== undefined && value > maximum) return [{ path, message: (say) => say.atMost(maximum) }]
  return []
}

function validateArray(root: Schema, schema: Schema, value: Plain[], path: Path): Finding[] {
  const { items, minItems = 0 } = schema
  const found: Finding[] = value.length < minItems ? [{ path, message: (say) => say.needs(minItems) }] : []
  return items ? [...found, ...value.flatMap((one, i) => validate(root, one, items, [...path, i]))] : found
}

function validateObject(root: Schema, schema: Schema, value: { [key: string]: Plain }, path: Path): Finding[] {
  const found: Finding[] = []
  for (const key of schema.required ?? []) {
    if (!Object.hasOwn(value, key)) found.push({ path, message: (say) => say.missing(key), onKey: true })
  }
  const { minProperties = 0 } = schema
  if (Object.keys(value).length < minProperties) found.push({ path, message: (say) => say.needs(minProperties) })
  const known = schema.properties ?? {}
  for (const [key, one] of Object.entries(value)) {
    const inner = Object.hasOwn(known, key) ? known[key] : schema.additionalProperties
    if (inner === false) {
      const near = nearest(key, Object.keys(known))
      found.push({ path: [...path, key], message: (say) => say.unknown(key, near), onKey: true })
    } else if (typeof inner === 'object') found.push(...validate(root, one, inner, [...path, key]))
  }
  return found
}

function oneOfWords(value: Plain, allowed: unknown[]): Finding['message'] {
  const words = allowed.map(String)
  const near = typeof value === 'string' ? nearest(value, words) : null
  return (say) => say.oneOf(words, near)
}

function validateChoice(root: Schema, value: Plain, choices: Schema[], path: Path): Finding[] {
  const resolved = choices.map((one) => resolve(root, one))
  const constants = resolved.flatMap((one) => (one.const === undefined ? [] : [one.const]))
  if (constants.length === resolved.length) {
    return constants.includes(value) ? [] : [{ path, message: oneOfWords(value, constants) }]
  }
  // Steps are objects of one key: the key says which of them is meant.
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const verbs = resolved.filter((one) => one.required?.length === 1 && one.additionalProperties === false)
    if (verbs.length === resolved.length && verbs.length > 2) {
      const key = Object.keys(value)[0]
      const verb = verbs.find((one) => key !== undefined && one.required?.[0] === key)
      if (verb) return validateObject(root, verb, value, path)
      if (key === undefined) return [{ path, message: (say) => say.noVerb }]
      const near = nearest(key, verbs.flatMap((one) => one.required ?? []))
      return [{ path: [...path, key], message: (say) => say.noStep(key, near), onKey: true }]
    }
  }
  let best: Finding[] | null = null
  for (const one of resolved) {
    const found = validate(root, value, one, path)
    if (found.length === 0) return []
    // The branch of the right kind says what is wrong inside it.
    const deep = found.some((finding) => finding.path.length > path.length)
    const isNull = typesOf(one).includes('null') && typesOf(one).length === 1
    if (best === null || (!isNull && (deep || one.oneOf !== undefined))) best = found
  }
  return best ?? []
}

/** All schemas that may hold at a place. */
export function schemasAt(root: Schema, path: Path): Schema[] {
  let here = flatten(root, [root])
  for (const key of path) {
    here = flatten(
      root,
      here.flatMap((schema) => {
        if (typeof key === 'number') return schema.items ? [schema.items] : []
        const known = schema.properties
        if (known && Object.hasOwn(known, key) && known[key]) return [known[key]]
        return typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : []
      }),
    )
  }
  return here
}

function flatten(root: Schema, schemas: Schema[]): Schema[] {
  return schemas.flatMap((one) => {
    const here = resolve(root, one)
    const choices = here.oneOf ?? here.anyOf
    return choices ? flatten(root, choices) : [here]
  })
}

export interface Offer {
  label: string
  detail?: string
  /** What kind of thing goes behind the key. */
  holds?: 'map' | 'list' | 'scalar'
}

export function keysAt(root: Schema, path: Path, taken: readonly string[] = []): Offer[] {
  const offers = new Map<string, Offer>()
  const all = schemasAt(root, path)
  // Of steps, one verb is the whole object.
  const verbs = all.length > 2 && all.every((one) => one.required?.length === 1)
  if (verbs && taken.length > 0) return []
  for (const schema of all) {
    for (const [key, inner] of Object.entries(schema.properties ?? {})) {
      if (taken.includes(key) || offers.has(key)) continue
      const detail = inner.description ?? resolve(root, inner).description
      offers.set(key, { label: key, detail, holds: holdsOf(flatten(root, [inner])) })
    }
  }
  return [...offers.values()]
}

function holdsOf(schemas: Schema[]): Offer['holds'] {
  const types = new Set(schemas.flatMap(typesOf))
  types.delete('null')
  if (types.size === 1 && types.has('array')) return 'list'
  if (types.size === 1 && types.has('object')) return 'map'
  return 'scalar'
}

export function valuesAt(root: Schema, path: Path): Offer[] {
  return schemasAt(root, path).flatMap((schema) => {
    if (schema.const !== undefined) return [{ label: JSON.stringify(schema.const).replace(/^"|"$/g, ''), detail: schema.description }]
    if (schema.enum) return schema.enum.map((one) => ({ label: String(one), detail: schema.description }))
    if (typesOf(schema).includes('boolean')) return [{ label: 'true' }, { label: 'false' }]
    return []
  })
}

/** The description of a place, for a hover. */
export function describe(root: Schema, path: Path): string | undefined {
  const key = path.at(-1)
  if (typeof key === 'string') {
    for (const schema of schemasAt(root, path.slice(0, -1))) {
      const inner = schema.properties?.[key]
      if (inner) return inner.description ?? resolve(root, inner).description
    }
  }
  return schemasAt(root, path).find((one) => one.description !== undefined)?.description
}

/** The one of `among` that is spelled most like `word`, if any is like it at all. */
export function nearest(word: string, among: readonly string[]): string | null {
  let best: string | null = null
  let least = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const one of among) {
    const steps = distance(word.toLowerCase(), one.toLowerCase())
    if (steps < least) [best, least] = [one, steps]
  }
  return best
}

/** Edits (one letter more, less, other, or two swapped) from one word to another. */
export function distance(a: string, b: string): number {
  let [older, row] = [[] as number[], Array.from({ length: b.length + 1 }, (_, i) => i)]
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (older[j - 2] ?? 0) + 1 : Infinity
      const cost = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next[j] = Math.min(cost, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, swap)
    }
    ;[older, row] = [row, next]
  }
  return row[b.length] ?? 0
}
