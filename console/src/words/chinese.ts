// What the server says, in Chinese: a chunk of its own, which only those load who read it.

import { CODES } from './codes'
import { HINTS } from './hints'
import { OPTION_DOCS } from './optionDocs'
import type { ServerWords } from './server'
import { STORE_HINTS } from './storeHints'
import { TOLD } from './told'

/** Parts that are sentences of the server themselves. */
const SENTENCE = 'why'

interface Rule {
  fits: RegExp
  says: string
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

const RULES: readonly Rule[] = [...TOLD, ...HINTS, ...STORE_HINTS].map(([english, says]) => ({
  fits: new RegExp(`^${english.split(/\{(\w+)\}/).map((part, at) => (at % 2 === 0 ? escaped(part) : `(?<${part}>.+?)`)).join('')}$`, 's'),
  says,
}))

/** The same texts are shown again and again. */
const known = new Map<string, string>()
const KNOWN_AT_MOST = 2_000

function tell(text: string): string {
  const before = known.get(text)
  if (before !== undefined) return before
  const told = translated(text) ?? text
  if (known.size >= KNOWN_AT_MOST) known.clear()
  known.set(text, told)
  return told
}

function translated(text: string): string | null {
  const option = OPTION_DOCS[text]
  if (option !== undefined) return option
  for (const { fits, says } of RULES) {
    const found = fits.exec(text)
    if (!found) continue
    return says.replace(/\{(\w+)\}/g, (_, part: string) => {
      const value = found.groups?.[part] ?? ''
      return part === SENTENCE ? value.split('; ').map(tell).join('；') : value
    })
  }
  // A table first, and then what is said of it.
  const [, place, rest] = /^(\S+): (.+)$/s.exec(text) ?? []
  const told = rest === undefined ? undefined : tell(rest)
  return told === undefined || told === rest ? null : `${place}：${told}`
}

export const chinese: ServerWords = {
  title: (code) => CODES[code]?.[0] ?? null,
  advice: (code) => CODES[code]?.[1] ?? null,
  tell: (text) => (text ? tell(text) : text),
}
