// A dead letter's row as a person edits it.

type Row = Record<string, unknown>

/** A whole number of more digits than a double holds, or a fraction that would lose some. */
const NUMBER = /(?<=[:[,]\s*)-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?=\s*[,}\]])/g

/**
 * The row on lines of its own. Numbers stay the digits they are: JSON.parse would round those that
 * no double holds.
 */
export function pretty(json: string): string {
  const exact = new Map<string, string>()
  const safe = outsideStrings(json, (text) =>
    text.replace(NUMBER, (digits) => {
      if (String(Number(digits)) === digits) return digits
      const mark = `"\u0001${exact.size}\u0001"`
      exact.set(JSON.stringify(`\u0001${exact.size}\u0001`), digits)
      return mark.replaceAll('\u0001', '\\u0001')
    }),
  )
  let text: string
  try {
    text = JSON.stringify(JSON.parse(safe), null, 2)
  } catch {
    return json
  }
  for (const [mark, digits] of exact) text = text.replace(mark, digits)
  return text
}

/** Changes what stands between the texts of a JSON document. */
function outsideStrings(json: string, change: (text: string) => string): string {
  // The last character of a text is kept with what follows it, for the look-around of numbers.
  let out = ''
  let from = 0
  for (const text of json.matchAll(/"(?:[^"\\]|\\.)*"/g)) {
    out += change(json.slice(from, text.index)) + text[0]
    from = text.index + text[0].length
  }
  return out + change(json.slice(from))
}

/**
 * What is replayed: `undefined` where nothing was changed (the row goes exactly as it was kept), the
 * row where it was, `null` for a text that is no object. A number that no double holds goes as text,
 * which the server reads exactly.
 */
export function changedRow(original: string, text: string): Row | undefined | null {
  if (text === pretty(original)) return undefined
  const quoted = outsideStrings(text, (part) =>
    part.replace(NUMBER, (digits) => (String(Number(digits)) === digits ? digits : `"${digits}"`)),
  )
  try {
    const row: unknown = JSON.parse(quoted)
    return typeof row === 'object' && row !== null && !Array.isArray(row) ? (row as Row) : null
  } catch {
    return null
  }
}
