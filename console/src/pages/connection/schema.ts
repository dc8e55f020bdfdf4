// The fields of a connector's options, from the JSON Schema that it gives of them.

import type { JsonSchema } from '@/api/types'

export interface Choice {
  value: string
  description?: string
}
export interface Field {
  name: string
  kind: 'text' | 'number' | 'yes-no' | 'choice'
  choices: Choice[]
  /** Its default, as it would be written; empty without one. */
  standard: string
  description: string
  min?: number
  max?: number
  whole: boolean
  required: boolean
}

const DEEPEST = 16

/** Follows `$ref`, and the one branch of an optional value that is not null. */
export function resolve(root: JsonSchema, schema: JsonSchema, depth = 0): JsonSchema {
  if (depth > DEEPEST) return schema
  if (schema.$ref !== undefined) {
    let at: unknown = root
    for (const part of schema.$ref.replace(/^#\/?/, '').split('/').filter(Boolean)) {
      at = (at as Record<string, unknown> | undefined)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')]
    }
    if (typeof at !== 'object' || at === null) return schema
    // A description beside the reference is closer to the matter.
    return { ...resolve(root, at, depth + 1), ...without(schema, '$ref') }
  }
  const branches = schema.anyOf ?? schema.allOf
  const real = branches?.find((branch) => branch.type !== 'null')
  return real ? { ...resolve(root, real, depth + 1), ...without(schema, 'anyOf', 'allOf') } : schema
}

function without(schema: JsonSchema, ...keys: (keyof JsonSchema)[]): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => !keys.includes(key as keyof JsonSchema)))
}

function written(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function choicesOf(schema: JsonSchema): Choice[] {
  if (schema.enum) return schema.enum.filter((one) => one !== null).map((one) => ({ value: written(one) }))
  const branches = schema.oneOf?.filter((one) => one.type !== 'null') ?? []
  if (branches.length === 0) return []
  const choices: Choice[] = []
  for (const branch of branches) {
    if (branch.const !== undefined) choices.push({ value: written(branch.const), description: branch.description })
    else if (branch.enum) choices.push(...branch.enum.map((one) => ({ value: written(one), description: branch.description })))
    else return []
  }
  return choices
}

export function fieldsOf(schema: JsonSchema): Field[] {
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const real = resolve(schema, property)
    const types = [real.type].flat().filter((type) => type !== 'null')
    const choices = choicesOf(real)
    const kind =
      choices.length > 0
        ? 'choice'
        : types.includes('boolean')
          ? 'yes-no'
          : types.includes('integer') || types.includes('number')
            ? 'number'
            : 'text'
    return {
      name,
      kind,
      choices,
      standard: written(property.default ?? real.default),
      description: (property.description ?? real.description ?? '').replace(/\s+/g, ' '),
      min: real.minimum,
      max: real.maximum,
      whole: types.includes('integer'),
      required: schema.required?.includes(name) ?? false,
    }
  })
}

/** What was filled in, typed as the schema has it; what is empty is left out, and keeps its default. */
export function optionsOf(fields: readonly Field[], texts: Readonly<Record<string, string>>): Record<string, unknown> {
  const options: Record<string, unknown> = {}
  for (const field of fields) {
    const text = texts[field.name] ?? ''
    if (text === '') continue
    if (field.kind === 'number') {
      const number = Number(text)
      options[field.name] = Number.isNaN(number) ? text : number
    } else if (field.kind === 'yes-no') options[field.name] = text === 'true'
    else options[field.name] = text
  }
  return options
}

/** The other way round: what stands in the fields. */
export function textsOf(options: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(options ?? {}).map(([name, value]) => [name, written(value)]))
}

export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/** The example address that a connector's documentation begins with. */
export function exampleOf(docs: string | undefined, scheme: string | undefined): string {
  const line = docs?.split('\n').find((text) => text.includes('://') || (scheme !== undefined && text.includes(`${scheme}:`)))
  return line?.trim().replace(/^`+|`+$/g, '') ?? (scheme ? `${scheme}://host/database` : '')
}

/** The kind of store that an address belongs to, by its scheme. */
export function connectorOf<T extends { id: string; schemes: string[] }>(connectors: readonly T[], url: string): T | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  return scheme === undefined ? undefined : connectors.find((one) => one.schemes.includes(scheme))
}
