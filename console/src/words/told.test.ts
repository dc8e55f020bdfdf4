import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { chinese } from './chinese'
import { CODES } from './codes'
import { HINTS } from './hints'
import { lineOf } from './server'
import { STORE_HINTS } from './storeHints'
import { TOLD } from './told'

const ROOT = new URL('../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const HAN = /\p{Script=Han}/u

describe('error codes in Chinese', () => {
  const documented = [...read('docs/errors.md').matchAll(/^## (E\d{4}): (.+)$/gm)].map(([, code = '', title = '']) => ({ code, title }))

  it('are those of docs/errors.md, each with a title', () => {
    expect(documented.length).toBeGreaterThan(60)
    for (const { code, title } of documented) expect(chinese.title(code) ?? '', `${code}: ${title}`).toMatch(HAN)
    const codes = new Set(documented.map((one) => one.code))
    expect(Object.keys(CODES).filter((code) => !codes.has(code)), 'codes that there are not').toEqual([])
  })

  it('name no two things alike', () => {
    const titles = Object.values(CODES).map(([title]) => title)
    expect(new Set(titles).size).toBe(titles.length)
  })

  it('stand before the words of the server', () => {
    const problem = { title: 'no such table', status: 422, code: 'E0207', detail: 'shop.order: did you mean orders?' }
    expect(lineOf(problem, chinese)).toBe('E0207 没有此表：shop.order: did you mean orders?')
    expect(lineOf(problem, { title: () => null, advice: () => null, tell: (text) => text })).toBe('E0207 shop.order: did you mean orders?')
  })
})

/** Rust's text as it is written: lines that are broken by a backslash are one, and values stand in it. */
const sample = (text: string) =>
  text
    .replace(/\\\n\s*/g, '')
    .replaceAll('\\"', '"')
    .replaceAll('\\\\', '\\')
    // A word in its number, and parts that may be left out.
    .replace(/ \{(rows|runs)\} /g, ' $1 ')
    .replace(/\{tables\} in \{pieces\}\{rows\}\{goes_on\}/, '3 tables in 12 pieces')
    .replace(/^check\{name\}/, 'check x1')
    .replace(/^\{hint\}|\{policy\}$/g, '')
    .replace(/\{\w*[^}]*\}/g, 'x1')
const LITERAL = /"((?:[^"\\]|\\[\s\S])*)"/

/** The texts that a source gives to what `call` names, without its tests. */
function textsOf(source: string, call: RegExp): string[] {
  const code = source.split('#[cfg(test)]')[0] ?? ''
  return [...code.matchAll(new RegExp(`${call.source}\\s*(?:format!\\(\\s*)?${LITERAL.source}`, 'g'))].map((found) => sample(found[1] ?? ''))
}
function sourcesIn(folder: string): string[] {
  return readdirSync(new URL(`${folder}/`, ROOT), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.rs')).map((path) => `${folder}/${path}`)
}
/** What a crate says, but for its tests. */
const SOURCES = readdirSync(new URL('crates/', ROOT), { recursive: true, encoding: 'utf8' })
  .filter((path) => /\/src\/.*\.rs$/.test(path) && !/^(cli|testkit)\/|\/tests[./]/.test(path))
  .map((path) => read(`crates/${path}`))

const TERMS = read('crates/types/src/hints.rs').split('#[cfg(test)]')[0] ?? ''
const PHRASES = [...TERMS.matchAll(/\("([^"]*--[^"]*)", "([^"]+)"\)/g)].map(([, from = '', to = '']) => [from, to] as const)
const OPTIONS = new Map([...TERMS.matchAll(/\("([a-z-]+)", "([^"]+)", (true|false)\)/g)].map(([, option = '', key = '', valued]) => [option, { key, valued: valued === 'true' }]))

/** As the server says it, with the keys of a job in the place of options of the command line. */
function inTermsOfJobs(hint: string): string {
  if (hint.includes('iconv ')) return hint
  const phrased = PHRASES.reduce((text, [from, to]) => text.replaceAll(from, to), hint)
  return phrased.replace(/(?<![\p{L}\p{N}-])--([a-z-]+)/gu, (all, option: string, at: number) => {
    const known = OPTIONS.get(option)
    const value = /^ [\p{L}\p{N}"'`{<]/u.test(phrased.slice(at + all.length))
    return known ? known.key + (known.valued && value ? ':' : '') : all
  })
}
const HINT = /(?:\.hint\(|let hint =|hint = if[^{]*\{|const (?:HINT|UNREACHABLE): &str =|hint\.unwrap_or_else\(\|\|)/

const untold = (texts: readonly string[]) => texts.filter((text) => !HAN.test(chinese.tell(text)))

describe('sentences of the server in Chinese', () => {
  it('are as many in Chinese as in English, and take over all that stands in them', () => {
    for (const [english, said] of [...TOLD, ...HINTS, ...STORE_HINTS]) {
      const parts = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort()
      expect(parts(said), english).toEqual(parts(english))
    }
  })

  it('have each reason for which a run waits in the queue', () => {
    const source = read('crates/server/src/runner/choice.rs')
    const obstacle = [...source.matchAll(/fn (?:obstacle|project_full)[\s\S]*?\n {4}\}\n/g)].map(([text]) => text).join('\n')
    const reasons = [...obstacle.matchAll(new RegExp(LITERAL.source, 'g'))].map((found) => found[1] ?? '').filter((text) => text.includes(' ')).map(sample)
    expect(reasons.length).toBeGreaterThan(7)
    expect(untold(reasons)).toEqual([])
    expect(chinese.tell('connection shop takes 2 runs at the same time')).toBe('连接 shop 同时只允许 2 个运行')
  })

  it('have who asked for a state, and every state', () => {
    const source = ['asking', 'starting'].map((name) => read(`crates/server/src/runner/${name}.rs`)).join('\n') + read('crates/server/src/api/runs.rs')
    const reasons = [...source.matchAll(/format!\("(\w+ by \{[\w.]*\})"/g)].map((found) => sample(found[1] ?? ''))
    expect(reasons.length).toBeGreaterThan(4)
    expect(untold(reasons)).toEqual([])
    for (const state of ['created', 'waiting', 'running', 'pausing', 'paused', 'stopping', 'stopped', 'finished', 'failed']) {
      expect(chinese.tell(state)).toMatch(HAN)
    }
    expect(chinese.tell('paused: paused by ann')).toBe('已暂停：由 ann 暂停')
  })

  it('have each event that is kept', () => {
    const watching = textsOf(read('crates/server/src/runner/watching.rs'), /(?:Level::(?:Info|Warn|Error),|message:)/)
    expect(watching.length).toBeGreaterThan(3)
    expect(untold(watching)).toEqual([])
    expect(chinese.tell('planned: 3 tables in 12 pieces, about 900 rows, going on from where it was')).toBe('已规划：3 个表，12 个分片，约 900 行，从原处继续')
    expect(chinese.tell('planned: 1 table in 8 pieces, about 1 row')).toBe('已规划：1 个表，8 个分片，约 1 行')
    expect(chinese.tell('planned: 2 tables in 1 piece, going on from where it was')).toBe('已规划：2 个表，1 个分片，从原处继续')
    expect(chinese.tell('finished: 90 rows written, 1.5 s')).toBe('已完成：写入 90 行，用时 1.5 秒')
  })

  it('have what a plan promises, and all that it notes', () => {
    const promises = [
      ...textsOf(read('crates/connector/src/sink.rs'), /Guarantee::\w+ =>/),
      ...textsOf(read('crates/engine/src/report.rs'), /(?:=>|guarantee = if[^{]*\{|\} else \{)/).filter((text) => text.includes(' ')),
    ]
    expect(promises.length).toBeGreaterThan(6)
    expect(untold(promises)).toEqual([])
    const notes = [...new Set(SOURCES.flatMap((source) => textsOf(source, /notes\.push\(/)))].map(inTermsOfJobs)
    expect(notes.length).toBeGreaterThan(70)
    expect(untold(notes)).toEqual([])
  })

  it('have all of why a column is not exact', () => {
    const sources = sourcesIn('crates/kits/convert/src').map(read)
    // The last of them are put together of others, and a unit.
    const grades = [...new Set(sources.flatMap((source) => textsOf(source, /(?:\bsome\(|Grade::Every\(|depends\([^"]*,)/)))].filter((text) => !['', 'x1; x1', 'bytes'].includes(text))
    expect(grades.length).toBeGreaterThan(20)
    expect(untold(grades)).toEqual([])
    expect(chinese.tell('decimal(18,2) into int32: values that need its digits are refused; more than 4 bytes are refused')).toBe('decimal(18,2) 转为 int32：需要这些小数位的值会被拒绝；超过 4 字节的值会被拒绝')
  })

  it('are told of a table, too', () => {
    expect(chinese.tell('shop.orders: views are not copied: a, b')).toBe('shop.orders：不复制视图：a, b')
    expect(chinese.tell('strict: shop.customers: column "born": 0000-00-00 (date) does not fit date: a date with month or day zero')).toBe('strict: shop.customers：列 "born"：0000-00-00（date）不适合 date：月或日为零的日期')
    expect(chinese.tell('shop.customers: column "born": 0000-00-00 (date) does not fit date: a date with month or day zero (zero_date: dead-letter)')).toBe('shop.customers：列 "born"：0000-00-00（date）不适合 date：月或日为零的日期（zero_date：进入死信）')
  })

  it('have all that connectors say of their options', () => {
    const tables = [...read('docs/connectors.md').matchAll(/^\| `\w+` \|.*\| (.+) \|$/gm)].map((found) => (found[1] ?? '').replaceAll('\\|', '|'))
    expect(tables.length).toBeGreaterThan(30)
    expect(untold([...new Set(tables)])).toEqual([])
  })

  it('have all that is advised, in the words of a job', () => {
    expect(OPTIONS.size).toBeGreaterThan(15)
    expect(['start over with --fresh', 'use --write append', 'leave --create at auto', 'iconv --to utf-8'].map(inTermsOfJobs)).toEqual(['start the job afresh (fresh: true)', 'use sink.write: append', 'leave sink.create at auto', 'iconv --to utf-8'])
    const advice = [...new Set(SOURCES.flatMap((source) => textsOf(source, HINT)))].map(inTermsOfJobs)
    expect(advice.length).toBeGreaterThan(300)
    expect(untold(advice)).toEqual([])
  })

  it('leave what is not known as it is', () => {
    for (const text of ['', 'shop.orders', 'something else happened']) expect(chinese.tell(text)).toBe(text)
  })
})
