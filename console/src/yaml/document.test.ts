import { describe, expect, it } from 'vitest'
import { get, type Path, type Plain, put, putAll, rangeOf, read, same, write } from './document'

const JOB = `# Moves the shop.
version: 1
source:
  connection: shop   # the replica
  tables: ["shop.*", "!shop.tmp_*"] # all but scratch
sink: { connection: wh, table: "{table}", write: upsert }
x_future: { a: [1, 2, { b: ~ }] }
columns:
  orders:
    # the key
    - { from: id, type: int64 }
    - from: placed   # when
      to: placed_at

processors:
  source:
    - filter: "amount > 10" # no samples
`

/** Random, but the same at each run. */
function dice(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const WORDS = ['id', 'a b', 'yes', 'null', '1', '0x1f', '', ' ', '#x', 'a: b', '- c', '{t}', "it's", '"q"', '数据', 'line\nbreak', '~', '!x', '&a', '*b', '1e3', '2024-01-01', 'é', '\t', '@', '`', '%', '<<', 'true', 'on']

function plain(roll: (below: number) => number, depth: number): Plain {
  const kind = roll(depth > 2 ? 5 : 7)
  if (kind === 0) return null
  if (kind === 1) return roll(2) === 0
  if (kind === 2) return roll(2000) - 1000
  if (kind === 3) return roll(1000) / 8
  if (kind === 4) return WORDS[roll(WORDS.length)] ?? ''
  if (kind === 5) return Array.from({ length: roll(4) }, () => plain(roll, depth + 1))
  const map: Record<string, Plain> = {}
  for (let n = roll(4); n > 0; n -= 1) map[WORDS[roll(WORDS.length)] ?? 'k'] = plain(roll, depth + 1)
  return map
}

function placesIn(value: Plain | undefined, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  const inner = Array.isArray(value) ? value.flatMap((one, i) => placesIn(one, [...path, i])) : Object.entries(value).flatMap(([key, one]) => placesIn(one, [...path, key]))
  return path.length === 0 ? inner : [path, ...inner]
}

function setPlain(value: Plain, path: Path, to: Plain): Plain {
  const [key, ...rest] = path
  if (key === undefined) return to
  if (Array.isArray(value)) return value.map((one, i) => (i === key ? setPlain(one, rest, to) : one))
  const map = typeof value === 'object' && value !== null ? (value as Record<string, Plain>) : {}
  return { ...map, [key]: setPlain(map[key] ?? null, rest, to) }
}

describe('a change by the form', () => {
  it('leaves the text alone when it changes nothing', () => {
    expect(put(JOB, ['sink', 'write'], 'upsert')).toBe(JOB)
    expect(put(JOB, ['sink', 'nothing'], undefined)).toBe(JOB)
    expect(put(JOB, ['source', 'tables'], ['shop.*', '!shop.tmp_*'])).toBe(JOB)
  })

  it('keeps comments, unknown keys and the order of the rest', () => {
    const after = put(JOB, ['sink', 'write'], 'append')
    for (const kept of ['# Moves the shop.', '# the replica', '# all but scratch', '# the key', '# when', '# no samples', 'x_future: { a: [ 1, 2, { b: ~ } ] }']) expect(after).toContain(kept)
    expect(after.indexOf('source:')).toBeLessThan(after.indexOf('sink:'))
    expect(after.indexOf('sink:')).toBeLessThan(after.indexOf('x_future'))
  })

  it('keeps what is written beside the entries of a list that stay', () => {
    const after = put(JOB, ['columns', 'orders'], [{ from: 'total' }, { from: 'placed', to: 'at' }, { from: 'id', type: 'int64' }])
    expect(get(read(after).value, ['columns', 'orders', 1])).toEqual({ from: 'placed', to: 'at' })
    expect(after).toContain('# the key')
    expect(after).toContain('# when')
  })

  it('takes an emptied section away, but never source and sink', () => {
    const text = put('version: 1\nsource:\n  tables: [a]\nsink: {}\nspeed:\n  parallel: 2\n', ['speed', 'parallel'], undefined)
    expect(read(text).value).toEqual({ version: 1, source: { tables: ['a'] }, sink: {} })
    expect(read(put(text, ['source', 'tables'], undefined)).value).toEqual({ version: 1, source: {}, sink: {} })
  })

  it('does not touch a text that is no YAML', () => {
    const broken = 'source: {a: [1\n'
    expect(read(broken).problems.length).toBeGreaterThan(0)
    expect(put(broken, ['sink'], { a: 1 })).toBe(broken)
  })

  it('follows no alias: what two places share is changed at one', () => {
    const text = 'version: 1\na: &x { k: 1 }\nb: *x\n'
    const after = put(text, ['b'], { k: 2 })
    expect(read(after).value).toEqual({ version: 1, a: { k: 1 }, b: { k: 2 } })
  })

  it('writes into an empty text', () => {
    expect(read(put('', ['source', 'connection'], 'shop')).value).toEqual({ source: { connection: 'shop' } })
    expect(read(put('# only a remark\n', ['version'], 1)).value).toEqual({ version: 1 })
  })

  it('makes way for a map where a text stood', () => {
    expect(read(put('schedule: "0 3 * * *"\n', ['schedule', 'cron'], '@daily')).value).toEqual({ schedule: { cron: '@daily' } })
  })
})

describe('any value at any place', { timeout: 60_000 }, () => {
  it('is read back as it was set, and nothing else moves', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const roll = dice(seed)
      const before: Plain = { version: 1, x: plain(roll, 0), y: { z: plain(roll, 0) }, list: [plain(roll, 1), plain(roll, 1)] }
      const text = `# head\n${write(before)}`
      expect(read(text).value, `seed ${seed}`).toEqual(before)
      const places = placesIn(before)
      const place = places[roll(places.length)] ?? ['x']
      const value = plain(roll, 0)
      const after = put(text, place, value)
      expect(read(after).value, `seed ${seed} at ${place.join('.')}`).toEqual(setPlain(before, place, value))
      expect(after.startsWith('# head\n')).toBe(true)
    }
  })

  it('survives many changes after each other', () => {
    for (let seed = 1; seed <= 15; seed += 1) {
      const roll = dice(seed * 7919)
      let text = JOB
      let wanted = read(JOB).value as Plain
      for (let n = 0; n < 25; n += 1) {
        const places = placesIn(wanted)
        const place = places[roll(places.length)] ?? ['version']
        const value = plain(roll, 1)
        text = put(text, place, value)
        wanted = setPlain(wanted, place, value)
        expect(same(read(text).value, wanted), `seed ${seed}, change ${n}\n${text}`).toBe(true)
      }
    }
  })
})

describe('places', () => {
  it('are found in the text', () => {
    const range = rangeOf(JOB, ['sink', 'write'])
    expect(range && JOB.slice(range.from, range.to)).toBe('upsert')
    const key = rangeOf(JOB, ['processors', 'source', 0, 'filter'], true)
    expect(key && JOB.slice(key.from, key.to)).toBe('filter')
    expect(rangeOf('', ['a'])).toBeNull()
  })

  it('take several changes at once', () => {
    expect(read(putAll('a: 1\n', [[['b'], 2], [['a'], undefined], [['c', 'd'], [3]]])).value).toEqual({ b: 2, c: { d: [3] } })
  })
})
