import { describe, expect, it } from 'vitest'
import { chosenOf, doubled, grid, keyFor, likeness, type Mapped, matchNames, moved, snake, suggestions } from './mapping'

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

  it('are matched all at once, each target column once', () => {
    const rows = grid(['Id', 'customerName', 'created', 'x'], undefined)
    expect(matchNames(rows, ['id', 'customer_name', 'created_at', 'id2']).map((row) => row.to)).toEqual(['id', 'customer_name', 'created_at', undefined])
  })
})
