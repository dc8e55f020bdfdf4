import { describe, expect, it } from 'vitest'
import { connectorOf, exampleOf, fieldsOf, NAME, optionsOf, textsOf } from './schema'

const schema = {
  $defs: {
    Tls: {
      description: 'How it is encrypted.',
      oneOf: [
        { const: 'disabled', description: 'Not at all.' },
        { const: 'required', description: 'Or not at all.' },
      ],
    },
  },
  required: ['file'],
  properties: {
    tls: { $ref: '#/$defs/Tls', default: 'disabled' },
    maybe: { anyOf: [{ $ref: '#/$defs/Tls' }, { type: 'null' }], description: 'Nearer\nwords.' },
    ca: { type: ['string', 'null'] },
    timeout: { type: 'integer', minimum: 1, default: 15 },
    load: { type: 'boolean', default: true },
    file: { type: 'string' },
  },
}

describe('a form from a schema', () => {
  const fields = fieldsOf(schema)
  const field = (name: string) => fields.find((one) => one.name === name)

  it('has a field of the right kind for each option', () => {
    expect(fields.map((one) => [one.name, one.kind])).toEqual([
      ['tls', 'choice'], ['maybe', 'choice'], ['ca', 'text'], ['timeout', 'number'], ['load', 'yes-no'], ['file', 'text'],
    ])
    expect(field('tls')).toMatchObject({ standard: 'disabled', description: 'How it is encrypted.' })
    expect(field('maybe')?.description).toBe('Nearer words.')
    expect(field('tls')?.choices.map((c) => c.value)).toEqual(['disabled', 'required'])
    expect(field('timeout')).toMatchObject({ standard: '15', min: 1, whole: true })
    expect(field('file')?.required).toBe(true)
  })

  it('gives values of the right types, and only those that were filled in', () => {
    const texts = { tls: 'required', ca: '', timeout: '30', load: 'false', file: 'a' }
    const options = optionsOf(fields, texts)
    expect(options).toEqual({ tls: 'required', timeout: 30, load: false, file: 'a' })
    expect(optionsOf(fields, textsOf(options))).toEqual(options)
  })

  it('stands a schema without properties and one that refers to itself', () => {
    expect(fieldsOf({})).toEqual([])
    expect(fieldsOf({ properties: { a: { $ref: '#/properties/a' } } })).toHaveLength(1)
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
  expect(exampleOf('MySQL\n\n    mysql://user@host/db\n', 'mysql')).toBe('mysql://user@host/db')
  expect(exampleOf(undefined, 'mysql')).toBe('mysql://host/database')
})
