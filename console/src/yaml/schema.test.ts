import { describe, expect, it } from 'vitest'
import job from '../../../docs/job.schema.json'
import { read } from './document'
import { says } from './says'
import { distance, describe as said, keysAt, nearest, type Schema, validate, valuesAt } from './schema'

const schema = job as unknown as Schema
const problems = (text: string) => validate(schema, read(text).value ?? null).map((one) => `${one.path.join('.')}: ${one.message(says.en)}`)

describe('the schema of the job file', () => {
  it('has nothing against a job that is right', () => {
    expect(problems('version: 1\nsource: { connection: a, tables: ["x.*"] }\nsink: { connection: b, write: upsert }\nmode: full+changes\nerrors: { rows: 10, values: { too_long: clamp, zero_date: "null" } }\nprocessors: { source: [ { filter: "a > 1" }, { mask: { columns: [a], with: sha256, key: { env: K } } }, { format_date: yyyy } ] }\nspeed: { parallel: 4 }\n')).toEqual([])
  })

  it('names the place and the nearest right word', () => {
    expect(problems('version: 1\nsource: { conection: a }\nsink: {}\n')).toEqual(['source.conection: conection is not known here; did you mean connection?'])
    expect(problems('version: 1\nsource: {}\nsink: { write: upset }\n')).toEqual(['sink.write: must be one of append, upsert, replace; did you mean upsert?'])
    expect(problems('version: 1\nsource: {}\nsink: {}\nprocessors: { source: [ { fliter: x } ] }\n')).toEqual(['processors.source.0.fliter: fliter is no step; did you mean filter?'])
    expect(problems('version: 1\nsource: {}\nsink: {}\nprocessors: { source: [ { mask: { columns: [], with: sha1 } } ] }\n')).toEqual([
      'processors.source.0.mask.columns: needs 1 at least',
      expect.stringContaining('processors.source.0.mask.with: must be one of partial, redact, sha256'),
    ])
  })

  it('says what is missing and what is of another kind', () => {
    expect(problems('version: 1\nsource: {}\n')).toEqual([': sink is missing'])
    expect(problems('version: 2\nsource: []\nsink: {}\nspeed: { parallel: 0 }\nerrors: { ratio: 1.5 }\n')).toEqual([
      'version: must be 1 at most',
      'source: must be a map of keys',
      'speed.parallel: must be 1 at least',
      'errors.ratio: must be 1 at most',
    ])
    expect(problems('version: 1\nsource: {}\nsink: {}\nerrors: { values: { nan: clamp } }\n')[0]).toContain('errors.values.nan: must be one of fail, dead-letter, null')
  })

  it('offers keys and values', () => {
    expect(keysAt(schema, []).map((one) => one.label)).toContain('processors')
    expect(keysAt(schema, ['source'], ['tables']).map((one) => one.label)).not.toContain('tables')
    expect(keysAt(schema, ['processors', 'source', 0]).map((one) => one.label)).toContain('mask')
    expect(keysAt(schema, ['processors', 'source', 0], ['filter'])).toEqual([])
    expect(keysAt(schema, ['processors', 'source', 0, 'mask']).map((one) => one.label)).toEqual(['columns', 'with', 'key', 'keep'])
    expect(keysAt(schema, ['columns', 'orders', 0]).map((one) => one.label)).toEqual(['from', 'to', 'type'])
    expect(valuesAt(schema, ['errors', 'values', 'too_long']).map((one) => one.label)).toEqual(['fail', 'dead-letter', 'null', 'clamp'])
    expect(valuesAt(schema, ['processors', 'sink', 3, 'mask', 'with']).map((one) => one.label)).toEqual(['partial', 'redact', 'sha256'])
    expect(valuesAt(schema, ['errors', 'allow_lossy']).map((one) => one.label)).toEqual(['true', 'false'])
    expect(said(schema, ['source', 'where'])).toContain('condition')
  })
})

describe('words that are like each other', () => {
  it('counts letters more, less, other and swapped', () => {
    expect(distance('kitten', 'sitting')).toBe(3)
    expect(distance('fliter', 'filter')).toBe(1)
    expect(distance('', 'abc')).toBe(3)
    expect(nearest('zzz', ['filter', 'mask'])).toBeNull()
  })
})
