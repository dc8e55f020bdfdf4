// A dead letter's row as a person edits it: a text or NULL for each column, as the server keeps it.

export type Row = Record<string, string | null>

/** The row as texts, whatever an answer holds. */
export function rowOf(row: unknown): Row {
  if (typeof row !== 'object' || row === null) return {}
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      value === null || typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  )
}

/** What was changed; only that is sent, and everything else goes exactly as it was kept. */
export function changes(kept: Row, edited: Row): Row {
  return Object.fromEntries(Object.entries(edited).filter(([column, value]) => kept[column] !== value))
}

/** A key for people: `id 7`, `id 7, day 2026-11-21`; empty without one. */
export function keyWords(key: unknown): string {
  return Object.entries(rowOf(key))
    .map(([column, value]) => `${column} ${value ?? 'NULL'}`)
    .join(', ')
}
