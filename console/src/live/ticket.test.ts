import { describe, expect, it } from 'vitest'
import type { Socket } from './connection'
import { ENDED, withTicket } from './ticket'

function socket(): Socket & { sent: string[]; isClosed: boolean } {
  return {
    sent: [], isClosed: false, onopen: null, onmessage: null, onclose: null,
    send(text: string) { this.sent.push(text) },
    close() { this.isClosed = true },
  }
}
const soon = () => new Promise((resolve) => setTimeout(resolve, 0))

describe('a socket with a ticket', () => {
  it('is opened with the ticket as a protocol, and is that socket from then on', async () => {
    const real = socket()
    const asked: string[][] = []
    const heard: unknown[] = []
    const outer = withTicket(() => Promise.resolve({ ticket: 't1' }), (protocols) => (asked.push(protocols), real))
    outer.onmessage = ({ data }) => heard.push(data)
    let opened = 0
    outer.onopen = () => (opened += 1)
    await soon()
    expect(asked).toEqual([['syncline.live', 'ticket.t1']])
    real.onopen?.()
    real.onmessage?.({ data: 'x' })
    outer.send('subscribe')
    expect([opened, heard, real.sent]).toEqual([1, ['x'], ['subscribe']])
  })

  it('ends when the session has, and is tried again after anything else', async () => {
    const codes: number[] = []
    for (const status of [401, 429, 0]) {
      const outer = withTicket(() => (status === 0 ? Promise.reject(new Error('down')) : Promise.resolve({ status })), socket)
      outer.onclose = ({ code }) => codes.push(code)
      await soon()
    }
    expect(codes).toEqual([ENDED, 1006, 1006])
  })

  it('is never opened once it was closed', async () => {
    let opened = 0
    const outer = withTicket(() => Promise.resolve({ ticket: 't' }), () => ((opened += 1), socket()))
    outer.close()
    await soon()
    expect(opened).toBe(0)
  })
})
