// The one WebSocket of a window: connects, asks for what the open pages want, goes on after a break
// where it was, and hands events over in groups, so that fifty busy runs do not repaint the page
// fifty times.

import { advance, backOff, type Place } from './place'
import { type Interest, type LiveMessage, merge, parse } from './protocol'
import { ENDED } from './ticket'

export type LiveStatus = 'idle' | 'connecting' | 'open' | 'waiting'

/** What is needed of a WebSocket. */
export interface Socket {
  onopen: (() => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number }) => void) | null
  send(text: string): void
  close(): void
}

export interface Surroundings {
  open(after: Place): Socket
  later(what: () => void, ms: number): () => void
  chance(): number
  onMessages(messages: LiveMessage[]): void
  onStatus(status: LiveStatus): void
  /** Nobody is signed in any more: trying again is of no use. */
  onEnded(): void
}

const GROUP_MS = 200
/** A connection that stood for so long was a good one: the next break begins with a short wait again. */
const STEADY_MS = 5_000

export class LiveConnection {
  readonly #outside: Surroundings
  readonly #interests = new Map<symbol, Interest>()
  #socket: Socket | null = null
  #isOpen = false
  #place: Place = null
  #attempt = 0
  #asked = ''
  #group: LiveMessage[] = []
  #cancelGroup: (() => void) | null = null
  #cancelRetry: (() => void) | null = null
  #cancelSteady: (() => void) | null = null
  #cancelAsk: (() => void) | null = null

  constructor(outside: Surroundings) {
    this.#outside = outside
  }

  /** Adds a page's interest; the answer takes it back. */
  want(interest: Interest): () => void {
    const key = Symbol('interest')
    this.#interests.set(key, interest)
    this.#interestsChanged()
    return () => {
      this.#interests.delete(key)
      this.#interestsChanged()
    }
  }

  /** The network is back, or the window is looked at again: no need to wait any longer. */
  retryNow(): void {
    if (this.#cancelRetry === null) return
    this.#cancelRetry()
    this.#connect()
  }

  /** Connects, if any page wants it and it is at rest. */
  begin(): void {
    if (this.#interests.size > 0 && this.#socket === null && this.#cancelRetry === null) this.#connect()
  }

  /** Leaves, and forgets the place: somebody else may sign in. */
  close(): void {
    this.#interests.clear()
    this.#leave()
    this.#place = null
  }

  #interestsChanged(): void {
    // A page that goes and one that comes change it twice in a moment.
    this.#cancelAsk?.()
    this.#cancelAsk = this.#outside.later(() => {
      this.#cancelAsk = null
      if (this.#interests.size === 0) this.#leave()
      else if (this.#socket === null && this.#cancelRetry === null) this.#connect()
      else this.#ask()
    }, 0)
  }

  #connect(): void {
    this.#cancelRetry = null
    this.#outside.onStatus('connecting')
    const socket = this.#outside.open(this.#place)
    this.#socket = socket
    socket.onopen = () => {
      this.#isOpen = true
      this.#asked = ''
      this.#outside.onStatus('open')
      this.#cancelSteady = this.#outside.later(() => (this.#attempt = 0), STEADY_MS)
      this.#ask()
    }
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') this.#take(data)
    }
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket) return
      if (code === ENDED) this.#ended()
      else this.#broken()
    }
  }

  #ask(): void {
    if (!this.#isOpen) return
    const text = JSON.stringify({ subscribe: merge(this.#interests.values()) })
    if (text === this.#asked) return
    this.#asked = text
    this.#socket?.send(text)
  }

  #take(text: string): void {
    const message = parse(text)
    if (message === null) return
    const next = advance(this.#place, message)
    if (next === null) return
    this.#place = next.place
    this.#group.push(message)
    this.#cancelGroup ??= this.#outside.later(() => this.#handOver(), GROUP_MS)
  }

  #handOver(): void {
    this.#cancelGroup = null
    const group = this.#group
    this.#group = []
    if (group.length > 0) this.#outside.onMessages(group)
  }

  #broken(): void {
    this.#forgetSocket()
    this.#outside.onStatus('waiting')
    const wait = backOff(this.#attempt, this.#outside.chance())
    this.#attempt += 1
    this.#cancelRetry = this.#outside.later(() => this.#connect(), wait)
  }

  #ended(): void {
    this.#leave()
    this.#place = null
    this.#outside.onEnded()
  }

  #forgetSocket(): void {
    this.#cancelSteady?.()
    this.#cancelSteady = null
    this.#socket = null
    this.#isOpen = false
    this.#asked = ''
  }

  #leave(): void {
    this.#cancelRetry?.()
    this.#cancelRetry = null
    this.#cancelGroup?.()
    this.#handOver()
    const socket = this.#socket
    this.#forgetSocket()
    socket?.close()
    this.#outside.onStatus('idle')
  }
}
