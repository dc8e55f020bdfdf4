import { describe, expect, it } from 'vitest'
import { connectorOf, fieldsOf, NAME, optionsOf } from './options'

const options = [
  { name: 'tls', kind: 'disabled | preferred | required', default: 'preferred', doc: 'How it is encrypted.' },
  { name: 'ca', kind: 'text', default: '', doc: 'A file.' },
  { name: 'connect_timeout', kind: 'a number', default: '15', doc: 'Seconds.' },
  { name: 'load_data', kind: 'true | false', default: 'true', doc: 'Load.' },
]

describe('a form from the options of a connector', () => {
  const fields = fieldsOf(options)

  it('has a field of the right kind for each', () => {
    expect(fields.map((one) => [one.name, one.kind, one.standard])).toEqual([
      ['tls', 'choice', 'preferred'],
      ['ca', 'text', ''],
      ['connect_timeout', 'number', '15'],
      ['load_data', 'yes-no', 'true'],
    ])
    expect(fields[0]?.choices).toEqual(['disabled', 'preferred', 'required'])
    expect(fields[3]?.choices).toEqual([])
  })

  it('gives only what was filled in, and nothing that the connector does not know', () => {
    expect(optionsOf(fields, { tls: 'required', ca: '', load_data: 'false', other: 'x' })).toEqual({ tls: 'required', load_data: 'false' })
    expect(optionsOf([], { tls: 'required' })).toEqual({})
  })
})

it('names are those the server takes', () => {
  for (const good of ['a', 'shop-db_1.eu', '9']) expect(NAME.test(good)).toBe(true)
  for (const bad of ['', '-a', 'a b', 'ä', 'a/b', 'a'.repeat(129)]) expect(NAME.test(bad)).toBe(false)
})

it('a kind of store is known by its address', () => {
  const kinds = [{ id: 'mysql', schemes: ['mysql', 'mariadb'] }, { id: 'postgres', schemes: ['postgres'] }]
  expect(connectorOf(kinds, 'MariaDB://h/db')?.id).toBe('mysql')
  expect(connectorOf(kinds, '/data/a.csv')).toBeUndefined()
})
