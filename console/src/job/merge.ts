// Two people changed one job: what each of them changed since the version both began with, and
// whether both can be had.

import { get, type Path, type Plain, putAll, read, same } from '@/yaml/document'

export interface Change {
  path: Path
  value: Plain | undefined
}

const isMap = (value: Plain | undefined): value is { [key: string]: Plain } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What has to be set (or taken away) in `before` so that it is `after`. Lists count as a whole. */
export function changes(before: Plain | undefined, after: Plain | undefined, path: Path = []): Change[] {
  if (same(before, after)) return []
  if (!isMap(before) || !isMap(after)) return [{ path, value: after }]
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap((key) => changes(Object.hasOwn(before, key) ? before[key] : undefined, Object.hasOwn(after, key) ? after[key] : undefined, [...path, key]))
}

const begins = (path: Path, with_: Path) => with_.every((part, at) => path[at] === part)

export interface Merge {
  /** Theirs with mine on top. */
  text: string
  /** Where both changed the same place to something different; mine stands there. */
  conflicts: Path[]
}

/** Their text with my changes; `null` where one of the texts is no YAML. */
export function merge(base: string, theirs: string, mine: string): Merge | null {
  const [from, their, my] = [read(base).value, read(theirs).value, read(mine).value]
  if (from === undefined || their === undefined || my === undefined) return null
  const ours = changes(from, my)
  const others = changes(from, their)
  const conflicts = ours.filter(
    ({ path, value }) =>
      others.some((other) => begins(other.path, path) || begins(path, other.path)) && !same(get(their, path), value),
  )
  return {
    text: putAll(theirs, ours.map(({ path, value }) => [path, value] as const)),
    conflicts: conflicts.map(({ path }) => path),
  }
}
