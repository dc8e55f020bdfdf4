// What differs between two texts, line by line.

export interface DiffLine {
  kind: 'same' | 'added' | 'removed' | 'gap'
  text: string
  /** Its number in the old text and in the new one, from 1. */
  old: number | null
  new: number | null
}

/** A unified diff as lines to show; what precedes the first hunk says nothing to a reader. */
export function parseUnified(diff: string): DiffLine[] {
  const lines: DiffLine[] = []
  let left = 0
  let right = 0
  let inside = false
  for (const line of diff.replace(/\n$/, '').split('\n')) {
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line)
    if (hunk) {
      const [, from = '1', , to = '1'] = hunk
      // An empty side is said to begin at the line before.
      left = Number(from) + (hunk[2] === '0' ? 1 : 0)
      right = Number(to) + (hunk[4] === '0' ? 1 : 0)
      if (inside || left > 1) lines.push({ kind: 'gap', text: '', old: null, new: null })
      inside = true
    } else if (!inside || line.startsWith('\\')) continue
    else if (line.startsWith('+')) lines.push({ kind: 'added', text: line.slice(1), old: null, new: right++ })
    else if (line.startsWith('-')) lines.push({ kind: 'removed', text: line.slice(1), old: left++, new: null })
    else lines.push({ kind: 'same', text: line.slice(1), old: left++, new: right++ })
  }
  return lines
}

const CONTEXT = 3

/** Lines of both texts, with only some of those that are the same around a difference. */
export function diffTexts(before: string, after: string): DiffLine[] {
  return around(compare(before.split('\n'), after.split('\n')))
}

/** Every line of both texts. */
export function compare(a: readonly string[], b: readonly string[]): DiffLine[] {
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1
  const lines: DiffLine[] = []
  const keep = (i: number, j: number) => lines.push({ kind: 'same', text: a[i] ?? '', old: i + 1, new: j + 1 })
  for (let i = 0; i < start; i += 1) keep(i, i)
  for (const [kind, i, j] of middle(a.slice(start, a.length - end), b.slice(start, b.length - end))) {
    if (kind === 'same') keep(start + i, start + j)
    else if (kind === 'removed') lines.push({ kind, text: a[start + i] ?? '', old: start + i + 1, new: null })
    else lines.push({ kind, text: b[start + j] ?? '', old: null, new: start + j + 1 })
  }
  for (let k = end; k > 0; k -= 1) keep(a.length - k, b.length - k)
  return lines
}

/** The longest common subsequence; texts of a job are short enough for all of the table. */
function middle(a: readonly string[], b: readonly string[]): ['same' | 'added' | 'removed', number, number][] {
  const width = b.length + 1
  const best = new Uint32Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      best[i * width + j] = a[i] === b[j] ? (best[(i + 1) * width + j + 1] ?? 0) + 1 : Math.max(best[(i + 1) * width + j] ?? 0, best[i * width + j + 1] ?? 0)
    }
  }
  const steps: ['same' | 'added' | 'removed', number, number][] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) steps.push(['same', i++, j++])
    else if (i < a.length && (j >= b.length || (best[(i + 1) * width + j] ?? 0) >= (best[i * width + j + 1] ?? 0))) steps.push(['removed', i++, j])
    else steps.push(['added', i, j++])
  }
  return steps
}

function around(lines: DiffLine[]): DiffLine[] {
  const near = lines.map((_, at) => lines.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some((one) => one.kind !== 'same'))
  const shown: DiffLine[] = []
  lines.forEach((line, at) => {
    if (near[at]) shown.push(line)
    else if (shown.length > 0 && shown.at(-1)?.kind !== 'gap') shown.push({ kind: 'gap', text: '', old: null, new: null })
    else if (shown.length === 0 && at === 0) shown.push({ kind: 'gap', text: '', old: null, new: null })
  })
  while (shown.at(-1)?.kind === 'gap') shown.pop()
  return shown
}

export function countOf(lines: readonly DiffLine[]): { added: number; removed: number } {
  return { added: lines.filter((one) => one.kind === 'added').length, removed: lines.filter((one) => one.kind === 'removed').length }
}
