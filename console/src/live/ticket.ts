// The WebSocket of a console that was served from elsewhere: browsers send no session with it from
// another origin, so a ticket is asked for over HTTP first, and said as a protocol.

import type { Socket } from './connection'

/** What the server speaks, beside the ticket. */
const PROTOCOL = 'syncline.live'
/** The server's own word that whoever asks is not signed in (any more). */
export const ENDED = 4401
/** No answer came. */
const BROKEN = 1006

/** The protocols that carry a ticket. */
export function protocolsOf(ticket: string): string[] {
  return [PROTOCOL, `ticket.${ticket}`]
}

/** A socket that is opened as soon as there is a ticket for it. */
export function withTicket(ask: () => Promise<{ ticket: string } | { status: number }>, open: (protocols: string[]) => Socket): Socket {
  let inner: Socket | null = null
  let isClosed = false
  const outer: Socket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => inner?.send(text),
    close: () => {
      isClosed = true
      inner?.close()
    },
  }
  const refused = (status: number) => {
    if (!isClosed) outer.onclose?.({ code: status === 401 ? ENDED : BROKEN })
  }
  ask().then(
    (answer) => {
      if (isClosed) return
      if (!('ticket' in answer)) {
        refused(answer.status)
        return
      }
      inner = open(protocolsOf(answer.ticket))
      inner.onopen = () => outer.onopen?.()
      inner.onmessage = (event) => outer.onmessage?.(event)
      inner.onclose = (event) => outer.onclose?.(event)
    },
    () => refused(0),
  )
  return outer
}
