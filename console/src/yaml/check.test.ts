import { describe, expect, it } from 'vitest'
import job from '../../../docs/job.schema.json'
import { check } from './check'
import type { Schema } from './schema'

const schema = job as unknown as Schema
const words = (text: string) => check(text, schema).map((one) => [text.slice(one.from, one.to), one.message])

describe('what is wrong with the text of a job', () => {
  it('stands at the key or the value that is wrong', () => {
    const text = 'version: 1\nsource: { conection: a }\nsink: { write: upset }\n'
    expect(words(text)).toEqual([
      ['conection', expect.stringContaining('did you mean connection')],
      ['upset', expect.stringContaining('did you mean upsert')],
    ])
  })

  it('says first that it is no YAML', () => {
    expect(words('a: [1, 2\n').length).toBeGreaterThan(0)
    expect(words('source: {}\nsource: {}\n')[0]?.[1]).toMatch(/unique/i)
  })

  it('puts what the server says beside it, unless the place is marked already', () => {
    const text = 'version: 1\nsource: { tables: ["a..b"] }\nsink: {}\n'
    expect(check(text, schema, [{ line: 2, column: 20, message: 'a part is empty' }]).map((one) => text.slice(one.from))).toEqual([text.slice(30)])
    expect(check(text, schema, [{ line: 99, message: 'beyond' }])[0]).toMatchObject({ from: text.length })
    expect(check(text, schema, [{ message: 'nowhere' }])).toEqual([])
  })

  it('names a missing section at the beginning', () => {
    expect(words('version: 1\nsource: {}\n')).toEqual([['version: 1', 'sink is missing']])
  })
})
