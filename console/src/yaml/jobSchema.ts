// The schema of job files, from the page that is generated for them, with its texts in the language
// of the console.

import schema from '../../../docs/job.schema.json'
import type { Language } from '@/app/preferences'
import { useAppSelector } from '@/app/store'
import type { Schema } from './schema'
import { CHINESE } from './schemaWords'

export const jobSchema = schema as unknown as Schema

/** The Chinese of a text, which is wrapped at any place in the schema; the text itself where there is none. */
function chineseOf(text: string): string {
  return CHINESE[text.replace(/\s+/g, ' ').trim()] ?? text
}

/** Every text of a schema that is shown to people. */
export function textsOf(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, value]) => (isText(key, value) ? [value.replace(/\s+/g, ' ').trim()] : textsOf(value)))
}

/** `description` may be the name of a property, too: then it is no text. */
function isText(key: string, value: unknown): value is string {
  return key === 'description' && typeof value === 'string'
}

function translated(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(translated)
  if (typeof node !== 'object' || node === null) return node
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, isText(key, value) ? chineseOf(value) : translated(value)]))
}

let chinese: Schema | null = null

export function schemaIn(language: Language): Schema {
  return language === 'zh' ? (chinese ??= translated(jobSchema) as Schema) : jobSchema
}

/** The schema with its texts in the language that is chosen. */
export function useJobSchema(): Schema {
  return schemaIn(useAppSelector((state) => state.preferences.language))
}
