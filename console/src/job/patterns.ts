// Which tables: the patterns of a job file, as the engine reads them, and what ticking a box makes of them.

export interface Table {
  schema: string | null
  name: string
}

interface Part {
  text: string
  literal: boolean
}
interface Pattern {
  schema: Part | null
  name: Part
}

const CLOSE: Record<string, string> = { '`': '`', '"': '"', '[': ']' }

/** A pattern of one or two parts; `null` for what is none. */
export function parsePattern(text: string): Pattern | null {
  const parts: Part[] = []
  let at = 0
  for (;;) {
    const close = CLOSE[text[at] ?? '']
    let part = ''
    if (close !== undefined) {
      at += 1
      for (;;) {
        if (at >= text.length) return null
        if (text[at] === close) {
          if (text[at + 1] !== close) break
          at += 1
        }
        part += text[at]
        at += 1
      }
      at += 1
    } else {
      while (at < text.length && text[at] !== '.') part += text[at++]
    }
    if (part === '') return null
    parts.push({ text: part, literal: close !== undefined })
    if (at >= text.length) break
    if (text[at] !== '.') return null
    at += 1
  }
  const [first, second, third] = parts
  if (!first || third) return null
  return second ? { schema: first, name: second } : { schema: null, name: first }
}

function partFits(part: Part, name: string): boolean {
  if (part.literal) return part.text === name
  const words = part.text.replace(/[\\^$.|+(){}[\]]/g, '\\$&').replace(/\*/g, '[^]*').replace(/\?/g, '[^]')
  return new RegExp(`^${words}$`, 'u').test(name)
}

const isWild = (part: Part) => !part.literal && /[*?]/.test(part.text)

export function fits(pattern: string, table: Table, defaultSchema: string | null): boolean {
  const parsed = parsePattern(pattern)
  if (!parsed) return false
  if (parsed.schema) {
    if (table.schema === null || !partFits(parsed.schema, table.schema)) return false
  } else if (table.schema !== null && defaultSchema !== null && table.schema !== defaultSchema) return false
  return partFits(parsed.name, table.name)
}

const isExact = (pattern: string) => {
  const parsed = parsePattern(pattern)
  return parsed !== null && !isWild(parsed.name) && !(parsed.schema && isWild(parsed.schema))
}

export const excludes = (pattern: string) => pattern.startsWith('!')
const bare = (pattern: string) => (excludes(pattern) ? pattern.slice(1) : pattern)

/** Whether the table is among those that are moved. */
export function selects(patterns: readonly string[], table: Table, defaultSchema: string | null): boolean {
  let included = false
  let asked = false
  for (const pattern of patterns) {
    if (excludes(pattern)) {
      if (fits(bare(pattern), table, defaultSchema)) return false
    } else {
      asked = true
      included ||= fits(pattern, table, defaultSchema)
    }
  }
  // Without patterns that take something in, it is all of the connection's own schema.
  return asked ? included : table.schema === null || defaultSchema === null || table.schema === defaultSchema
}

/** A name as a pattern that fits nothing but itself. */
export function quoted(name: string): string {
  return /[.*?]/.test(name) || /^[`"[!]/.test(name) ? `\`${name.replaceAll('`', '``')}\`` : name
}

export function patternOf(table: Table, defaultSchema: string | null): string {
  const name = quoted(table.name)
  return table.schema === null || table.schema === defaultSchema ? name : `${quoted(table.schema)}.${name}`
}

/** Nothing at all: an empty list would be everything. */
export const NOTHING: readonly string[] = ['!*']
const isNothing = (patterns: readonly string[]) => patterns.length === 1 && patterns[0] === '!*'

/** Without patterns that take something in, the own schema is meant; beside another one it has to be said. */
function explicit(patterns: string[], said = patterns.some((pattern) => !excludes(pattern))): string[] {
  return said || isNothing(patterns) ? patterns : ['*', ...patterns]
}

/** The patterns after one table was taken in or out; `all` are the tables that are known. */
export function choose(patterns: readonly string[], table: Table, on: boolean, all: readonly Table[], defaultSchema: string | null): string[] {
  if (selects(patterns, table, defaultSchema) === on) return [...patterns]
  const own = patternOf(table, defaultSchema)
  if (on) {
    if (isNothing(patterns)) return [own]
    const next = patterns.flatMap((pattern) => {
      if (!excludes(pattern) || !fits(bare(pattern), table, defaultSchema)) return [pattern]
      if (isExact(bare(pattern))) return []
      // The pattern takes out others as well: they are named one by one instead.
      return all.filter((one) => !sameTable(one, table) && fits(bare(pattern), one, defaultSchema)).map((one) => `!${patternOf(one, defaultSchema)}`)
    })
    return selects(next, table, defaultSchema) ? next : [...explicit(next), own]
  }
  const next = patterns.filter((pattern) => excludes(pattern) || !isExact(pattern) || !fits(pattern, table, defaultSchema))
  const includes = next.some((pattern) => !excludes(pattern))
  if (!includes && patterns.some((pattern) => !excludes(pattern))) return [...NOTHING]
  return selects(next, table, defaultSchema) ? [...next, `!${own}`] : next
}

/** The patterns after all tables of a schema were taken in or out. */
export function chooseSchema(patterns: readonly string[], schema: string | null, on: boolean, all: readonly Table[], defaultSchema: string | null): string[] {
  const tables = all.filter((one) => one.schema === schema)
  const others = all.filter((one) => one.schema !== schema)
  // What speaks of this schema alone goes.
  const kept = (isNothing(patterns) ? [] : patterns).filter((pattern) => {
    const text = bare(pattern)
    return !tables.some((one) => fits(text, one, defaultSchema)) || others.some((one) => fits(text, one, defaultSchema))
  })
  const whole = schema === null || schema === defaultSchema ? '*' : `${quoted(schema)}.*`
  const hadIncludes = patterns.some((pattern) => !excludes(pattern))
  if (on) {
    const spread = kept.filter((pattern) => !excludes(pattern) || !tables.some((one) => fits(bare(pattern), one, defaultSchema)))
    if (tables.every((one) => selects(spread, one, defaultSchema)) && (hadIncludes || spread.length > 0)) return spread
    return [...new Set([...explicit(spread, hadIncludes || isNothing(patterns)), whole])]
  }
  if (!kept.some((pattern) => !excludes(pattern)) && (hadIncludes || others.length === 0 || schema === defaultSchema)) return [...NOTHING]
  return tables.some((one) => selects(kept, one, defaultSchema)) ? [...kept, `!${whole}`] : kept
}

export function sameTable(a: Table, b: Table): boolean {
  return a.schema === b.schema && a.name === b.name
}

/** The schema that bare names are of, as the connection's URL says it. */
export function defaultSchemaOf(url: string): string | null {
  try {
    const { protocol, pathname, searchParams } = new URL(url)
    const path = decodeURIComponent(pathname.replace(/^\//, '').split('/')[0] ?? '')
    if (/^(mysql|mariadb)/.test(protocol)) return path === '' ? null : path
    if (/^postgres/.test(protocol)) return searchParams.get('schema') ?? 'public'
    return null
  } catch {
    return null
  }
}
