import { describe, expect, it } from 'vitest'
import { changedRow, pretty } from './row'

const row = '{"id":9223372036854775807,"amount":12345678901234567890.10,"name":"a: 1234567890123456789,","list":[1,9007199254740993]}'

describe('a row that is edited', () => {
  it('is shown with the very digits that were kept', () => {
    expect(pretty(row)).toBe(`{
  "id": 9223372036854775807,
  "amount": 12345678901234567890.10,
  "name": "a: 1234567890123456789,",
  "list": [
    1,
    9007199254740993
  ]
}`)
    expect(pretty('no json')).toBe('no json')
  })

  it('goes as it was kept when nothing was changed', () => {
    expect(changedRow(row, pretty(row))).toBeUndefined()
  })

  it('keeps digits that no double holds', () => {
    const changed = changedRow(row, pretty(row).replace('a: ', 'b: '))
    expect(changed).toEqual({
      id: '9223372036854775807',
      amount: '12345678901234567890.10',
      name: 'b: 1234567890123456789,',
      list: [1, '9007199254740993'],
    })
  })

  it('has to be an object', () => {
    for (const text of ['', '[1]', '1', 'null', '{"a":']) expect(changedRow('{}', text)).toBeNull()
  })
})
