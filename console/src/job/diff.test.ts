import { describe, expect, it } from 'vitest'
import { compare, countOf, diffTexts, parseUnified } from './diff'

const sides = (lines: ReturnType<typeof compare>) => ({
  old: lines.filter((one) => one.kind !== 'added').map((one) => one.text),
  new: lines.filter((one) => one.kind !== 'removed').map((one) => one.text),
})

describe('a unified diff', () => {
  it('becomes numbered lines', () => {
    const lines = parseUnified('--- version 1\n+++ version 2\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n@@ -10,2 +10,3 @@\n x\n+y\n z\n\\ No newline at end of file\n')
    expect(lines.map((one) => [one.kind, one.text, one.old, one.new])).toEqual([
      ['same', 'a', 1, 1],
      ['removed', 'b', 2, null],
      ['added', 'c', null, 2],
      ['same', 'd', 3, 3],
      ['gap', '', null, null],
      ['same', 'x', 10, 10],
      ['added', 'y', null, 11],
      ['same', 'z', 11, 12],
    ])
    expect(countOf(lines)).toEqual({ added: 2, removed: 1 })
  })

  it('says nothing of two texts that are the same', () => {
    expect(parseUnified('')).toEqual([])
    expect(diffTexts('a\nb', 'a\nb')).toEqual([])
  })

  it('keeps lines that begin like its own header', () => {
    expect(parseUnified('@@ -1 +1 @@\n--- a\n+++ b\n').map((one) => [one.kind, one.text])).toEqual([
      ['removed', '-- a'],
      ['added', '++ b'],
    ])
  })
})

describe('two texts', () => {
  it('can be put together again from their difference', () => {
    let state = 7
    const roll = (below: number) => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) % below
    for (let n = 0; n < 200; n += 1) {
      const a = Array.from({ length: roll(14) }, () => 'abcd'[(roll(97) >> 2) % 4] ?? '')
      const b = a.flatMap((line) => ((roll(89) >> 3) % 3 === 0 ? [] : (roll(83) >> 2) % 4 === 0 ? [line, 'new'] : [line]))
      const lines = compare(a, b)
      expect(sides(lines)).toEqual({ old: a, new: b })
      expect(countOf(lines).removed).toBeLessThanOrEqual(a.length)
    }
  })

  it('are shown with three lines around', () => {
    const a = Array.from({ length: 30 }, (_, i) => `line ${i}`)
    const b = a.with(15, 'other')
    const lines = diffTexts(a.join('\n'), b.join('\n'))
    expect(lines[0]?.kind).toBe('gap')
    expect(lines.filter((one) => one.kind === 'same').map((one) => one.old)).toEqual([13, 14, 15, 17, 18, 19])
    expect(lines.at(-1)?.kind).toBe('same')
  })
})
