import { describe, expect, it } from 'vitest'
import { check } from './check'
import { complete } from './completion'
import { jobSchema, schemaIn, textsOf } from './jobSchema'
import { says } from './says'
import { describe as said } from './schema'
import { CHINESE } from './schemaWords'

const zh = schemaIn('zh')

describe('the schema in Chinese', () => {
  it('has the texts of nearly every key and value; what is new meanwhile stays English', () => {
    const texts = [...new Set(textsOf(jobSchema))]
    const missing = texts.filter((text) => CHINESE[text] === undefined)
    expect(missing.length / texts.length, missing.join('\n')).toBeLessThan(0.1)
  })

  it('is the same schema but for its texts', () => {
    const bare = (node: unknown): unknown =>
      JSON.parse(JSON.stringify(node, (key, value: unknown) => (key === 'description' && typeof value === 'string' ? undefined : value)))
    expect(bare(zh)).toEqual(bare(jobSchema))
    expect(schemaIn('en')).toBe(jobSchema)
  })

  it('is what completion and hover say', () => {
    const offers = complete(zh, 'version: 1\nsource:\n  \n', 21)?.offers ?? []
    expect(offers.find((one) => one.label === 'where')?.detail).toContain('条件')
    expect(said(zh, ['sink', 'write'])).toContain('已有的行')
    expect(complete(zh, 'version: 1\nsink: { write: a }\n', 27)?.offers.map((one) => one.detail)).toContain('追加行。')
  })

  it('names what is wrong in the same language', () => {
    const [wrong] = check('version: 1\nsource: { conection: a }\nsink: {}\n', zh, [], says.zh)
    expect(wrong?.message).toBe('此处没有 conection 这个键；是否想写 connection？')
    expect(check('a: 1\na: 2\n', zh, [], says.zh)[0]?.message).toBe('键重复')
    expect(check('a: 1\na: 2\n', zh)[0]?.message).toMatch(/unique/i)
  })
})
