import { describe, expect, it } from 'vitest'
import { detailOf, placeOf, shortOf } from './told'

const RUN = '01a2018e-9d97-7439-9040-c1bdbe23a058'

describe('an entry of the audit log', () => {
  it('leads to what it is about, where that is there', () => {
    expect(placeOf('run.start', RUN)).toBe(`/runs/${RUN}`)
    expect(placeOf('job.change', 'a b')).toBe('/jobs/a%20b')
    expect(placeOf('job.delete', 'orders')).toBeNull()
    expect(placeOf('session.create', 'admin')).toBeNull()
  })

  it('says its details in words', () => {
    expect(detailOf({ job: 'orders', fresh: false })).toBe('job orders')
    expect(detailOf({ job: 'orders', fresh: true })).toBe('job orders · fresh')
    expect(detailOf({ max_running: 3, role: null, tables: ['a', 'b'], verification: RUN })).toBe('max running 3 · tables a, b · verification c1bdbe23a058')
    expect(detailOf({ limits: { a: 1 } })).toBe('limits {"a":1}')
    expect(detailOf('plain')).toBe('plain')
    expect([{}, null, undefined].map(detailOf)).toEqual(['', '', ''])
  })

  it('shortens keys alone', () => {
    expect(shortOf(RUN)).toBe('c1bdbe23a058')
    expect(shortOf('night-shift')).toBe('night-shift')
  })
})
