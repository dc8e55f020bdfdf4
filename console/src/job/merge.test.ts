import { describe, expect, it } from 'vitest'
import { read } from '@/yaml/document'
import { changes, merge } from './merge'

const BASE = '# the shop\nversion: 1\nsource: { connection: shop }\nsink: { connection: wh, write: append }\nspeed: { parallel: 2 }\n'

describe('two edits of one job', () => {
  it('go together when they are about different things', () => {
    const theirs = BASE.replace('append', 'upsert').replace('# the shop', '# the shop, by Ann')
    const mine = BASE.replace('parallel: 2', 'parallel: 8')
    const merged = merge(BASE, theirs, mine)
    expect(merged?.conflicts).toEqual([])
    expect(merged?.text).toContain('by Ann')
    expect(read(merged?.text ?? '').value).toMatchObject({ sink: { write: 'upsert' }, speed: { parallel: 8 } })
  })

  it('name the places that both changed', () => {
    const merged = merge(BASE, BASE.replace('append', 'upsert'), BASE.replace('append', 'replace'))
    expect(merged?.conflicts).toEqual([['sink', 'write']])
    expect(read(merged?.text ?? '').value).toMatchObject({ sink: { write: 'replace' } })
  })

  it('do not quarrel over the same change', () => {
    expect(merge(BASE, BASE.replace('append', 'upsert'), BASE.replace('append', 'upsert'))?.conflicts).toEqual([])
  })

  it('see that one took away what the other changed', () => {
    const merged = merge(BASE, BASE.replace('speed: { parallel: 2 }\n', ''), BASE.replace('parallel: 2', 'parallel: 8'))
    expect(merged?.conflicts).toEqual([['speed', 'parallel']])
    expect(read(merged?.text ?? '').value).toMatchObject({ speed: { parallel: 8 } })
  })

  it('cannot be put together without YAML', () => {
    expect(merge(BASE, BASE, 'a: [1')).toBeNull()
  })

  it('are told key by key', () => {
    expect(changes({ a: 1, b: { c: 2, d: [1] } }, { b: { c: 3, d: [1] }, e: null })).toEqual([
      { path: ['a'], value: undefined },
      { path: ['b', 'c'], value: 3 },
      { path: ['e'], value: null },
    ])
  })
})
