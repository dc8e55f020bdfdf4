import { describe, expect, it } from 'vitest'
import { joinNewer, joinOlder, type Tail, tailOf } from './tail'

const tail = (from: number, to: number, previous: number | null): Tail<{ seq: number }> => ({ items: Array.from({ length: to - from + 1 }, (_, n) => ({ seq: from + n })), previous })
const numbers = ({ items }: Tail<{ seq: number }>) => items.map((one) => one.seq)

describe('the end of a log', () => {
  it('is what the server answers, also one that does not say what was before', () => {
    expect(tailOf({ items: [{ seq: 4 }], next: null, previous: 4 })).toEqual(tail(4, 4, 4))
    expect(tailOf({ items: [{ seq: 4 }], next: null })).toEqual(tail(4, 4, null))
  })

  it('goes back as far as somebody asks, and no line is there twice', () => {
    const newest = tail(8, 10, 8)
    const more = joinOlder(newest, tail(5, 7, 5), 8)
    expect(more).toEqual(tail(5, 10, 5))
    // Asked for twice, or of a list that has been fetched anew meanwhile.
    expect(joinOlder(more, tail(5, 7, 5), 8)).toBe(more)
    expect(joinOlder(more, tail(1, 4, null), 5)).toEqual(tail(1, 10, null))
  })

  it('goes on with what happens, each once', () => {
    expect(joinNewer(tail(8, 10, 8), tail(9, 12, null).items)).toEqual(tail(8, 12, 8))
    expect(joinNewer({ items: [], previous: null }, tail(1, 2, null).items)).toEqual(tail(1, 2, null))
  })

  it('lets go of the oldest when there are too many, and knows how to get them again', () => {
    const full = joinNewer(tail(1, 5, null), tail(6, 8, null).items, 5)
    expect(full).toEqual(tail(4, 8, 4))
    expect(numbers(joinOlder(full, tail(1, 3, null), 4))).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })
})
