// The fields of a connector's options, from what it says of them.

import type { OptionDoc } from '@/api/types'

export interface Field {
  name: string
  kind: 'text' | 'number' | 'yes-no' | 'choice'
  choices: string[]
  /** Its default, as it would be written; empty without one. */
  standard: string
  description: string
}

const YES_NO = new Set(['true or false', 'true | false'])
const NUMBER = new Set(['number', 'a number'])

export function fieldsOf(options: readonly OptionDoc[]): Field[] {
  return options.map(({ name, kind, default: standard, doc }) => {
    const choices = kind.includes(' | ') && !YES_NO.has(kind) ? kind.split(' | ') : []
    return {
      name,
      kind: YES_NO.has(kind) ? 'yes-no' : NUMBER.has(kind) ? 'number' : choices.length > 0 ? 'choice' : 'text',
      choices,
      standard,
      description: doc,
    }
  })
}

/** What was filled in of what the connector has; what is empty is left out, and keeps its default. */
export function optionsOf(fields: readonly Field[], texts: Readonly<Record<string, string>>): Record<string, string> {
  const options: Record<string, string> = {}
  for (const { name } of fields) {
    const text = texts[name] ?? ''
    if (text !== '') options[name] = text
  }
  return options
}

export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/** The kind of store that an address belongs to, by its scheme. */
export function connectorOf<T extends { id: string; schemes: string[] }>(connectors: readonly T[], url: string): T | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  return scheme === undefined ? undefined : connectors.find((one) => one.schemes.includes(scheme))
}
