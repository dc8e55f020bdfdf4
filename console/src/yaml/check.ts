// Everything that is wrong with the text of a job, with the place in the text.

import { rangeOf, read } from './document'
import { says, type Says } from './says'
import { type Schema, validate } from './schema'

/** Something said of a place, by line and column from 1, as the server counts. */
export interface Mark {
  line?: number
  column?: number
  message: string
}
export interface Wrong {
  from: number
  to: number
  message: string
  severity?: 'error' | 'warning'
}

export function check(text: string, schema: Schema | undefined, marks: readonly Mark[] = [], say: Says = says.en): Wrong[] {
  const reading = read(text)
  if (reading.problems.length > 0) {
    return reading.problems.map(({ from, to, message, code }) => ({ from: Math.min(from, text.length), to: Math.min(Math.max(to, from), text.length), message: say.yaml[code ?? ''] ?? message }))
  }
  const found = schema ? validate(schema, reading.value ?? {}) : []
  const wrong = found.map(({ path, message, onKey }): Wrong => {
    const range = rangeOf(text, path, onKey)
    const first = text.search(/\S/)
    const line = text.indexOf('\n', Math.max(first, 0))
    return { ...(range && path.length > 0 ? range : { from: Math.max(first, 0), to: line < 0 ? text.length : line }), message: message(say) }
  })
  const placed = marks.flatMap((mark): Wrong[] => {
    if (mark.line === undefined) return []
    const from = offsetOf(text, mark.line, mark.column ?? 1)
    const end = text.indexOf('\n', from)
    return wrong.some((one) => one.from === from) ? [] : [{ from, to: end < 0 ? text.length : end, message: mark.message }]
  })
  return [...wrong, ...placed].sort((a, b) => a.from - b.from)
}

function offsetOf(text: string, line: number, column: number): number {
  let at = 0
  for (let n = 1; n < line; n += 1) {
    const next = text.indexOf('\n', at)
    if (next < 0) return text.length
    at = next + 1
  }
  return Math.min(at + column - 1, text.length)
}
