import { describe, expect, it } from 'vitest'
import { withHeld } from '@/ui/windowRows'
import { chosenOf, doubled, found, grid, keyFor, keysOf, likeness, type Mapped, matchNames, moved, snake, suggestions, takeAll } from './mapping'

const SOURCE = ['id', 'name', 'createdAt', 'total']

describe('the grid of a table', () => {
  it('writes nothing for all columns as they are', () => {
    expect(chosenOf(SOURCE, grid(SOURCE, undefined))).toBeUndefined()
    expect(chosenOf(SOURCE, grid(SOURCE, undefined).map((row) => ({ ...row, to: row.from })))).toBeUndefined()
  })

  it('is read back as it was written, whatever was chosen', () => {
    let state = 3
    const roll = (below: number) => Math.floor(((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32) * below)
    for (let n = 0; n < 300; n += 1) {
      let rows: Mapped[] = SOURCE.map((from) => ({ from, on: roll(4) > 0, ...(roll(3) === 0 ? { to: `${from}_${n}` } : {}), ...(roll(3) === 0 ? { type: 'text' } : {}) }))
      rows = moved(rows, roll(4), roll(4))
      if (!rows.some((row) => row.on)) continue
      const written = chosenOf(SOURCE, rows)
      const on = rows.filter((row) => row.on)
      expect(grid(SOURCE, written).filter((row) => row.on)).toEqual(on)
      expect(chosenOf(SOURCE, grid(SOURCE, written))).toEqual(written)
    }
  })

  it('shows left-out columns last and columns the source no longer has', () => {
    const rows = grid(SOURCE, [{ from: 'gone' }, { from: 'total', to: 'sum' }])
    expect(rows.map((row) => [row.from, row.on])).toEqual([['gone', true], ['total', true], ['id', false], ['name', false], ['createdAt', false]])
  })

  it('sees a name that is given twice', () => {
    expect(doubled([{ from: 'a', on: true }, { from: 'b', to: 'a', on: true }, { from: 'c', to: 'a', on: false }])).toEqual(new Set(['a']))
  })

  it('finds the columns of a table by its name, then by a pattern', () => {
    const table = { schema: 'shop', name: 'orders' }
    expect(keyFor({ 'shop.*': [], 'shop.orders': [] }, table, 'shop')).toBe('shop.orders')
    expect(keyFor({ 'shop.*': [], orders: [] }, table, 'shop')).toBe('orders')
    expect(keyFor({ 'o*': [] }, table, 'shop')).toBe('o*')
    expect(keyFor({ x: [] }, table, 'shop')).toBeNull()
  })
})

describe('a table of many columns', () => {
  const rows = grid(Array.from({ length: 1_000 }, (_, n) => `c${n}`), undefined)

  it('is searched by the column and by its name at the target', () => {
    const renamed = rows.map((row) => (row.from === 'c500' ? { ...row, to: 'Price' } : row))
    expect(found(renamed, ' C77 ')).toEqual([77, 770, 771, 772, 773, 774, 775, 776, 777, 778, 779])
    expect(found(renamed, 'price')).toEqual([500])
    expect(found(renamed, '')).toHaveLength(1_000)
    expect(found(renamed, 'nothing')).toEqual([])
  })

  it('is taken or left out as far as it was found, and never all of it left out', () => {
    const some = takeAll(rows, found(rows, 'c77'), false)
    expect(some.filter((row) => !row.on).map((row) => row.from)).toEqual(found(rows, 'c77').map((at) => `c${at}`))
    expect(takeAll(some, found(rows, 'c77'), true)).toEqual(rows)
    expect(takeAll(rows, found(rows, ''), false).filter((row) => row.on).map((row) => row.from)).toEqual(['c0'])
  })

  it('has a key for each row, also where a column is taken twice', () => {
    expect(keysOf(grid(['a', 'b'], [{ from: 'a' }, { from: 'b' }, { from: 'a', to: 'again' }]))).toEqual(['a', 'b', 'a 2'])
  })

  it('keeps the row that is held among those that are drawn, in its order', () => {
    expect(withHeld([5, 6, 7], 2, 10)).toEqual([2, 5, 6, 7])
    expect(withHeld([5, 6, 7], 9, 10)).toEqual([5, 6, 7, 9])
    expect(withHeld([5, 6, 7], 6, 10)).toEqual([5, 6, 7])
    for (const none of [null, -1, 10]) expect(withHeld([5, 6, 7], none, 10)).toEqual([5, 6, 7])
  })

  it('is named as its target at once: each pair by its name or its spelling, whatever their order', () => {
    const targets = rows.map((row) => row.from.toUpperCase()).reverse()
    expect(matchNames(rows, targets).map((row) => row.to)).toEqual(rows.map((row) => row.from.toUpperCase()))
  })
})

describe('names that are alike', () => {
  it.each([
    ['createdAt', 'created_at'],
    ['OrderID', 'order_id'],
    ['customer id', 'customer_id'],
    ['HTTPStatus', 'http_status'],
    ['名称', '名称'],
  ])('%s is written %s', (from, to) => expect(snake(from)).toBe(to))

  it('ranks the same name first, then its spellings, then near ones', () => {
    expect(likeness('id', 'id')).toBe(1)
    expect(likeness('createdAt', 'created_at')).toBeGreaterThan(likeness('createdAt', 'created_on'))
    expect(likeness('id', 'total')).toBeLessThan(0.6)
    expect(suggestions('createdAt', ['total', 'created_at', 'id'], new Set())[0]).toBe('created_at')
    expect(suggestions('createdAt', ['created_at'], new Set(['created_at']))).not.toContain('created_at')
  })

  it('are paired as if every name had been compared with every other', () => {
    let state = 11
    const roll = (below: number) => Math.floor(((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32) * below)
    const parts = ['order', 'Id', 'date', 'Total', 'customer', 'x', '名']
    const name = () => Array.from({ length: 1 + roll(2) }, () => parts[roll(parts.length)]).join(roll(2) ? '_' : '')
    for (let n = 0; n < 200; n += 1) {
      const rows = grid([...new Set(Array.from({ length: 6 }, name))], undefined)
      const targets = [...new Set(Array.from({ length: 6 }, name))]
      const pairs = rows
        .flatMap((row, at) => targets.map((target) => ({ at, target, sure: likeness(row.from, target) })))
        .filter(({ sure }) => sure >= 0.6)
        .sort((a, b) => b.sure - a.sure)
      const wanted = new Map<number, string>()
      for (const { at, target } of pairs) if (!wanted.has(at) && ![...wanted.values()].includes(target)) wanted.set(at, target)
      const names = matchNames(rows, targets).map((row, at) => (wanted.has(at) ? (row.to ?? row.from) : row.to))
      expect(names).toEqual(rows.map((_, at) => wanted.get(at)))
    }
  })

  it('are matched all at once, each target column once', () => {
    const rows = grid(['Id', 'customerName', 'created', 'x'], undefined)
    expect(matchNames(rows, ['id', 'customer_name', 'created_at', 'id2']).map((row) => row.to)).toEqual(['id', 'customer_name', 'created_at', undefined])
  })
})
