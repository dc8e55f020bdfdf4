import { describe, expect, it } from 'vitest'
import job from '../../../docs/job.schema.json'
import { complete, type Hints, placeAt } from './completion'
import type { Schema } from './schema'

const schema = job as unknown as Schema
const hints: Hints = (path) => {
  const at = path.join('.')
  if (at === 'source.connection' || at === 'sink.connection') return ['shop', 'warehouse']
  return undefined
}

/** What is offered where `|` stands. */
function offers(text: string): string[] {
  const at = text.indexOf('|')
  return complete(schema, text.replace('|', ''), at, hints)?.offers.map((one) => one.label) ?? []
}

describe('completion', () => {
  it('offers the keys that are not there yet', () => {
    expect(offers('|')).toContain('source')
    const inside = offers('version: 1\nsource:\n  connection: a\n  |\nsink: {}\n')
    expect(inside).toContain('where')
    expect(inside).not.toContain('connection')
    expect(offers('version: 1\nsink: { connection: a, wr| }\n')).toContain('write')
    expect(offers('version: 1\nsou|\n')).toEqual(expect.arrayContaining(['source', 'schedule']))
  })

  it('offers values by the schema and by what the server knows', () => {
    expect(offers('version: 1\nsource:\n  connection: |\n')).toEqual(['shop', 'warehouse'])
    expect(offers('version: 1\nsink: { write: u| }\n')).toEqual(['append', 'upsert', 'replace'])
    expect(offers('version: 1\nmode: "|"\n')).toContain('full+changes')
    expect(offers('errors:\n  values:\n    too_long: |\n')).toContain('clamp')
  })

  it('offers steps in a list', () => {
    expect(offers('processors:\n  source:\n    - |\n')).toEqual(expect.arrayContaining(['filter', 'mask', 'sql']))
    expect(offers('processors:\n  source:\n    - filter: "a > 1"\n    - ma|\n')).toContain('mask')
    expect(offers('processors:\n  source:\n    - mask:\n        with: |\n')).toEqual(['partial', 'redact', 'sha256'])
    expect(offers('processors: { source: [ { | } ] }\n')).toContain('select')
  })

  it('is silent in comments', () => {
    expect(placeAt('version: 1 # abo', 15)).toBeNull()
    expect(offers('# |')).toEqual([])
  })

  it('goes on with a key that is being changed', () => {
    const place = placeAt('source: {}\nsnik: {}\n', 13)
    expect(place).toMatchObject({ key: true, path: [], from: 11, to: 15 })
  })
})
