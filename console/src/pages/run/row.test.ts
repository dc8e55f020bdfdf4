import { expect, it } from 'vitest'
import { changes, keyWords, rowOf } from './row'

const kept = rowOf({ id: '9223372036854775807', amount: '12345678901234567890.10', born: null, note: '' })

it('only what was changed is sent, so that nothing else can change', () => {
  expect(changes(kept, { ...kept })).toEqual({})
  expect(changes(kept, { ...kept, born: '', note: null })).toEqual({ born: '', note: null })
  expect(changes(kept, { ...kept, amount: '1' })).toEqual({ amount: '1' })
})

it('a row is texts and NULL, whatever was answered', () => {
  expect(rowOf({ a: 1, b: { c: 2 }, d: null, e: 'x' })).toEqual({ a: '1', b: '{"c":2}', d: null, e: 'x' })
  expect(rowOf(null)).toEqual({})
})

it('a key is said in words', () => {
  expect(keyWords({ id: '7', day: null })).toBe('id 7, day NULL')
  expect(keyWords({})).toBe('')
})
