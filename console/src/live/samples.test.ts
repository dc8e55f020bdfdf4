import { expect, it } from 'vitest'
import { joined, lately } from './samples'

const at = (s: number) => new Date(s * 1000).toISOString()

it('a chart begins with what the server remembers and goes on live, with no second told twice', () => {
  const before = { every_ms: 1000, items: [10, 11, 12].map((s) => ({ at: at(s), rows_per_second: s, cpu_percent: 0, lag_ms: null })) }
  const live = [11, 12, 13].map((t) => ({ t, rate: -t, lag: 5 }))
  expect(joined(before, live).map((one) => [one.t, one.rate])).toEqual([[10, 10], [11, 11], [12, 12], [13, -13]])
})

it('a server that remembers nothing takes nothing away', () => {
  const live = [{ t: 1, rate: 2, lag: null }]
  expect(joined(undefined, live)).toEqual(live)
  expect(joined({ every_ms: 1000, items: [] }, live)).toEqual(live)
})

it('how fast it goes is the mean of the last seconds, not what the last one happened to be', () => {
  const samples = Array.from({ length: 100 }, (_, t) => ({ t, rate: t < 80 ? 9_000 : t % 2 === 0 ? 1_000 : 0 }))
  expect(lately(samples)).toBeCloseTo(500, -2)
  expect(lately(samples.slice(0, 1))).toBeNull()
  expect(lately([])).toBeNull()
})
