// The end of a long list: the newest come first, those before them when somebody asks, new ones as they happen.

export interface Numbered {
  seq: number
}

export interface Tail<T extends Numbered> {
  /** Oldest first. */
  items: T[]
  /** What to ask for those before these with; none when these begin with the first. */
  previous: number | null
}

/** So many are fetched at once. */
export const A_PAGE = 500
/** So many are kept at most as new ones come; the oldest of them can be asked for again. */
export const KEPT = 5_000

export function tailOf<T extends Numbered>(answer: unknown): Tail<T> {
  const { items, previous } = answer as { items: T[]; previous?: number | null }
  return { items, previous: previous ?? null }
}

/** With those before it, unless somebody else has brought them already. */
export function joinOlder<T extends Numbered>(tail: Tail<T>, older: Tail<T>, before: number): Tail<T> {
  return tail.previous === before ? { items: [...older.items, ...tail.items], previous: older.previous } : tail
}

/** With what has happened since; what is there already is not added again. */
export function joinNewer<T extends Numbered>(tail: Tail<T>, newer: readonly T[], kept = KEPT): Tail<T> {
  const last = tail.items.at(-1)?.seq ?? -1
  const items = [...tail.items, ...newer.filter((one) => one.seq > last)]
  if (items.length <= kept) return { items, previous: tail.previous }
  const rest = items.slice(-kept)
  return { items: rest, previous: rest[0]?.seq ?? null }
}
