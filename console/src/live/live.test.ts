import { describe, expect, it } from 'vitest'
import type { Run } from '@/api/types'
import { LiveConnection, type Socket, type Surroundings } from './connection'
import { byRun, foldRun } from './fold'
import { advance, backOff } from './place'
import { eventsOf, type LiveEvent, type LiveMessage, merge, type OtherEvent, parse, type ProgressFrame, type RunProgress } from './protocol'
import { emptyTrack, track } from './slice'

const at = '2026-11-21T03:00:00Z'
const later = (seconds: number) => new Date(Date.parse(at) + seconds * 1000).toISOString()

function progress(fields: Partial<RunProgress> & { seq?: number; at?: string }): ProgressFrame {
  const { seq = 1, at: when = at, ...rest } = fields
  return {
    type: 'progress', seq, at: when,
    runs: [{ run: 'r1', job: 'j', state: 'running', rows_read: 0, rows_written: 0, rows_estimated: 100, rows_per_second: 0, ...rest }],
  }
}
const note = (seq: number): OtherEvent => ({ type: 'note', seq, run: 'r1', job: 'j', at, message: 'words' })
const moved = (...frames: ProgressFrame[]) => frames.flatMap(eventsOf)
const run: Run = {
  id: 'r1', job: 'j', project: 'default', state: 'running', reason: null, mode: 'full', source: 'a', sink: 'b', epoch: 1,
  rows_read: 1_000, rows_written: 900, rows_estimated: 5_000, dead_letters: 0, rows_per_second: 0, cpu_ms: 0, created_at: at, updated_at: at, priority: 0, trigger: 'api', following: false,
}

describe('the place in the sequence', () => {
  it('passes over what was taken before', () => {
    expect(advance(null, note(7))).toEqual({ place: 7 })
    expect(advance(7, note(7))).toBeNull()
    expect(advance(7, note(3))).toBeNull()
    // Numbers between belong to runs nobody asked for.
    expect(advance(7, note(12))).toEqual({ place: 12 })
  })

  it('does not pass over progress, which has the number of the event before it', () => {
    expect(advance(7, progress({ seq: 7 }))).toEqual({ place: 7 })
    expect(advance(7, progress({ seq: 6 }))).toEqual({ place: 7 })
  })

  it('begins anew with a snapshot, also of a server that counts from the beginning', () => {
    expect(advance(900, { type: 'snapshot', seq: 2, runs: [] })).toEqual({ place: 2 })
    expect(advance(2, note(3))).toEqual({ place: 3 })
  })

  it('waits longer each time, and never for ever', () => {
    expect(backOff(0, 0)).toBe(500)
    expect(backOff(0, 1)).toBe(250)
    expect(backOff(3, 0)).toBe(4_000)
    expect(backOff(50, 0)).toBe(15_000)
  })
})

describe('messages', () => {
  it('are taken when they are messages', () => {
    expect(parse('{"seq":1,"type":"state","run":"r"}')).toMatchObject({ seq: 1 })
    for (const bad of ['', 'null', '[]', '{"seq":"1","type":"state"}', '{"seq":1}', '{', '{"seq":1,"type":"snapshot"}']) expect(parse(bad)).toBeNull()
  })

  it('are asked for once for all pages', () => {
    expect(merge([{ runs: ['b', 'a'] }, { runs: ['a'], jobs: ['j'] }])).toEqual({ runs: ['a', 'b'], jobs: ['j'] })
    expect(merge([{ runs: ['b'] }, { all: true }])).toEqual({ all: true })
  })
})

describe('a run', () => {
  it('is as far as the last tick says', () => {
    const next = foldRun(run, moved(
      progress({ rows_read: 1_100, rows_written: 950, rows_per_second: 40 }),
      progress({ rows_read: 1_200, rows_written: 1_150, rows_estimated: null, rows_per_second: 50, lag_ms: 8 }),
    ))
    expect(next).toMatchObject({ rows_read: 1_200, rows_written: 1_150, rows_estimated: 100, rows_per_second: 50, lag_ms: 8 })
  })

  it('goes through states, and keeps the error it failed with until it runs again', () => {
    const events: LiveEvent[] = [
      { type: 'note', seq: 1, run: 'r1', job: 'j', at, message: 'words' },
      { type: 'state', seq: 2, run: 'r1', job: 'j', at, state: 'failed', reason: 'gone', error: { code: 'E0401', message: 'gone', hint: 'look' } },
    ]
    const failed = foldRun(run, events)
    expect(failed).toMatchObject({ state: 'failed', ended_at: at, error: { code: 'E0401', hint: 'look' }, rows_per_second: 0 })
    const again = foldRun(failed, [{ type: 'state', seq: 3, run: 'r1', job: 'j', at: later(9), state: 'running' }])
    expect(again).toMatchObject({ state: 'running', ended_at: null, error: null, reason: null })
  })

  it('keeps apart what belongs to others', () => {
    expect([...byRun(moved(progress({}), progress({ run: 'r2' }), progress({})))].map(([id, e]) => [id, e.length])).toEqual([['r1', 2], ['r2', 1]])
  })
})

describe('a track', () => {
  it('has one point a second, in order, and not without end', () => {
    const tracked = emptyTrack()
    for (let i = 0; i < 2_000; i += 1) for (const event of moved(progress({ rows_per_second: i, at: later(i / 2) }))) track(tracked, event)
    expect(tracked.samples.length).toBe(600)
    const times = tracked.samples.map((s) => s.t)
    expect(times.every((t, i) => i === 0 || t > (times[i - 1] ?? 0))).toBe(true)
    track(tracked, { type: 'state', seq: 9, run: 'r1', job: 'j', at: later(2_000), state: 'paused' })
    expect(tracked.samples.at(-1)).toMatchObject({ rate: 0 })
  })
})

/** A world of sockets and timers that stand still until they are told. */
function world() {
  const sockets: (Socket & { after: number | null; sent: string[]; isClosed: boolean })[] = []
  let timers: { what: () => void; at: number }[] = []
  let now = 0
  const groups: LiveMessage[][] = []
  const statuses: string[] = []
  const ended = { times: 0 }
  const outside: Surroundings = {
    open: (after) => {
      const socket = {
        after, sent: [] as string[], isClosed: false, onopen: null, onmessage: null, onclose: null,
        send(text: string) { this.sent.push(text) },
        close() { this.isClosed = true },
      }
      sockets.push(socket)
      return socket
    },
    later: (what, ms) => {
      const timer = { what, at: now + ms }
      timers.push(timer)
      return () => { timers = timers.filter((t) => t !== timer) }
    },
    chance: () => 0,
    onMessages: (messages) => groups.push(messages),
    onStatus: (status) => statuses.push(status),
    onEnded: () => (ended.times += 1),
  }
  const pass = (ms: number) => {
    const until = now + ms
    for (;;) {
      const due = timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0]
      if (!due) break
      now = due.at
      timers = timers.filter((t) => t !== due)
      due.what()
    }
    now = until
  }
  const say = (socket: Socket, message: unknown) => socket.onmessage?.({ data: JSON.stringify(message) })
  return { outside, ended, sockets, groups, statuses, pass, say, socket: () => sockets.at(-1)! }
}

describe('the connection', () => {
  it('goes on after a break where it was, and hears nothing twice', () => {
    const w = world()
    const connection = new LiveConnection(w.outside)
    connection.want({ runs: ['r1'] })
    w.pass(0)
    expect(w.socket().after).toBeNull()
    w.socket().onopen?.()
    expect(w.socket().sent).toEqual(['{"subscribe":{"runs":["r1"],"jobs":[]}}'])
    w.say(w.socket(), { type: 'snapshot', seq: 10, runs: [] })
    w.say(w.socket(), note(11))
    w.pass(200)
    expect(w.groups.map((g) => g.map((m) => m.seq))).toEqual([[10, 11]])
    w.socket().onclose?.({ code: 1006 })
    expect(w.statuses.at(-1)).toBe('waiting')
    w.pass(499)
    expect(w.sockets.length).toBe(1)
    w.pass(1)
    expect(w.socket().after).toBe(11)
    w.socket().onopen?.()
    w.say(w.socket(), note(11))
    w.say(w.socket(), note(14))
    w.pass(200)
    expect(w.groups.at(-1)?.map((m) => m.seq)).toEqual([14])
    expect(w.socket().sent).toEqual(['{"subscribe":{"runs":["r1"],"jobs":[]}}'])
  })

  it('waits longer while it fails, and not once the network is back', () => {
    const w = world()
    const connection = new LiveConnection(w.outside)
    connection.want({ all: true })
    w.pass(0)
    for (const wait of [500, 1_000, 2_000]) {
      const before = w.sockets.length
      w.socket().onclose?.({ code: 1006 })
      w.pass(wait - 1)
      expect(w.sockets.length).toBe(before)
      w.pass(1)
      expect(w.sockets.length).toBe(before + 1)
    }
    w.socket().onclose?.({ code: 1006 })
    const before = w.sockets.length
    connection.retryNow()
    expect(w.sockets.length).toBe(before + 1)
    connection.retryNow()
    expect(w.sockets.length).toBe(before + 1)
  })

  it('rests once the session has ended, and does not try again', () => {
    const w = world()
    new LiveConnection(w.outside).want({ all: true })
    w.pass(0)
    w.socket().onopen?.()
    w.socket().onclose?.({ code: 4401 })
    w.pass(60_000)
    expect(w.ended.times).toBe(1)
    expect(w.sockets.length).toBe(1)
    expect(w.statuses.at(-1)).toBe('idle')
  })

  it('asks anew when pages change, and leaves when none is open', () => {
    const w = world()
    const connection = new LiveConnection(w.outside)
    const leave = connection.want({ runs: ['r1'] })
    w.pass(0)
    w.socket().onopen?.()
    leave()
    const leaveOther = connection.want({ all: true })
    w.pass(0)
    expect(w.sockets.length).toBe(1)
    expect(w.socket().sent.at(-1)).toBe('{"subscribe":{"all":true}}')
    w.say(w.socket(), progress({ seq: 5 }))
    leaveOther()
    w.pass(0)
    expect(w.socket().isClosed).toBe(true)
    // What had come in is not lost with it.
    expect(w.groups).toHaveLength(1)
    w.socket().onclose?.({ code: 1000 })
    w.pass(60_000)
    expect(w.sockets.length).toBe(1)
  })
})
