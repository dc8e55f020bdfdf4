import { describe, expect, it } from 'vitest'
import { choose, chooseSchema, defaultSchemaOf, fits, NOTHING, parsePattern, patternOf, quoted, sameTable, selects, type Table } from './patterns'

const ALL: Table[] = [
  ...['orders', 'customers', 'tmp_a', 'tmp_b', 'a.b', 'st*r', '!odd'].map((name) => ({ schema: 'shop', name })),
  ...['log', 'orders'].map((name) => ({ schema: 'audit', name })),
]
const chosen = (patterns: readonly string[]) => ALL.filter((one) => selects(patterns, one, 'shop')).map((one) => `${one.schema}.${one.name}`)

describe('patterns of tables', () => {
  it('are read as the engine reads them', () => {
    const t = (schema: string | null, name: string): Table => ({ schema, name })
    expect(fits('shop.*', t('shop', 'orders'), null)).toBe(true)
    expect(fits('sh?p.ord*', t('shop', 'orders'), null)).toBe(true)
    expect(fits('`shop`.`st*r`', t('shop', 'star'), null)).toBe(false)
    expect(fits('[a.b]', t('shop', 'a.b'), 'shop')).toBe(true)
    expect(fits('"a""b"', t(null, 'a"b'), null)).toBe(true)
    expect(fits('orders', t('audit', 'orders'), 'shop')).toBe(false)
    expect(fits('orders', t('audit', 'orders'), null)).toBe(true)
    for (const bad of ['', 'a.', '.a', 'a.b.c', '`a', '`a`b']) expect(parsePattern(bad), bad).toBeNull()
  })

  it('quote what would be read otherwise', () => {
    for (const one of ALL) {
      expect(fits(patternOf(one, 'shop'), one, 'shop')).toBe(true)
      expect(ALL.filter((other) => fits(patternOf(one, 'shop'), other, 'shop'))).toEqual([one])
    }
    expect(quoted('a`b.c')).toBe('`a``b.c`')
  })

  it('know the schema of bare names from the URL', () => {
    expect(defaultSchemaOf('mysql://u@h:3306/shop')).toBe('shop')
    expect(defaultSchemaOf('postgres://u@h/db')).toBe('public')
    expect(defaultSchemaOf('postgres://u@h/db?schema=dw')).toBe('dw')
    expect(defaultSchemaOf('/data/x.csv')).toBeNull()
  })
})

describe('ticking boxes', () => {
  it('says what the boxes show, wherever it began', () => {
    const starts = [[], [...NOTHING], ['*'], ['*', '!tmp_*'], ['shop.*', 'audit.*'], ['orders'], ['!tmp_*'], ['*.*', '!audit.*'], ['o*', 'audit.log', '!orders']]
    for (const start of starts) {
      let patterns: string[] = [...start]
      let state = start.length + 5
      const roll = (below: number) => Math.floor(((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32) * below)
      for (let n = 0; n < 120; n += 1) {
        const table = ALL[roll(ALL.length)]
        if (!table) continue
        const on = roll(2) === 0
        const before = ALL.filter((one) => selects(patterns, one, 'shop'))
        patterns = choose(patterns, table, on, ALL, 'shop')
        const wanted = ALL.filter((one) => (sameTable(one, table) ? on : before.some((other) => sameTable(one, other))))
        expect(ALL.filter((one) => selects(patterns, one, 'shop')), `${start.join()} … ${patterns.join()}`).toEqual(wanted)
      }
    }
  })

  it('keeps a schema as one pattern, so that tables made later come along', () => {
    expect(chooseSchema([...NOTHING], 'shop', true, ALL, 'shop')).toEqual(['*'])
    expect(chooseSchema(['*', '!tmp_*'], 'audit', true, ALL, 'shop')).toEqual(['*', '!tmp_*', 'audit.*'])
    expect(chooseSchema(['*', 'audit.*'], 'audit', false, ALL, 'shop')).toEqual(['*'])
    expect(chooseSchema(['orders'], 'shop', false, ALL, 'shop')).toEqual([...NOTHING])
    expect(chosen(chooseSchema(['*.*'], 'audit', false, ALL, 'shop')).some((name) => name.startsWith('audit.'))).toBe(false)
    expect(chosen(chooseSchema(['*.*', '!tmp_*'], 'shop', true, ALL, 'shop')).length).toBe(ALL.length)
  })

  it('taking the last one out is nothing, not everything', () => {
    const patterns = choose(['orders'], ALL[0] ?? { schema: null, name: '' }, false, ALL, 'shop')
    expect(patterns).toEqual([...NOTHING])
    expect(chosen(patterns)).toEqual([])
    expect(choose(patterns, { schema: 'shop', name: 'customers' }, true, ALL, 'shop')).toEqual(['customers'])
  })
})
