// The live connection as pages use it.

import { useEffect } from 'react'
import { useStore } from 'react-redux'
import { sessionApi } from '@/api/session'
import { isElsewhere, liveUrl } from '@/app/config'
import type { AppStore } from '@/app/store'
import { LiveConnection, type Socket } from './connection'
import { patch } from './patch'
import { liveMessages, liveStatus } from './slice'
import { withTicket } from './ticket'

/** Somebody is signed in all the same: the live connection is tried again after this. */
const ASK_AGAIN_MS = 5_000

const connections = new WeakMap<AppStore, LiveConnection>()

function connectionOf(store: AppStore): LiveConnection {
  const there = connections.get(store)
  if (there) return there
  const socket = (after: number | null, protocols?: string[]) => new WebSocket(liveUrl(after), protocols) as unknown as Socket
  const ticket = async () => {
    const { data, error } = await store.dispatch(sessionApi.endpoints.liveTicket.initiate(undefined, { track: false }))
    return data ?? { status: (error as { status?: number } | undefined)?.status ?? 0 }
  }
  const made = new LiveConnection({
    open: (after) => (isElsewhere() ? withTicket(ticket, (protocols) => socket(after, protocols)) : socket(after)),
    later: (what, ms) => {
      const timer = setTimeout(what, ms)
      return () => clearTimeout(timer)
    },
    chance: Math.random,
    onMessages: (messages) => {
      store.dispatch(liveMessages(messages))
      patch(store, messages)
    },
    onStatus: (status) => store.dispatch(liveStatus(status)),
    // Asked once more, who that is: where it is nobody, the sign-in page comes.
    onEnded: () =>
      void store.dispatch(sessionApi.endpoints.whoAmI.initiate(undefined, { forceRefetch: true, subscribe: false })).then(({ data }) => {
        if (data) setTimeout(() => made.begin(), ASK_AGAIN_MS)
      }),
  })
  connections.set(store, made)
  addEventListener('online', () => made.retryNow())
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') made.retryNow()
  })
  return made
}

/** While the page is shown, events of this run, of this job or of all runs come in. */
export function useLive(interest: { all: true } | { run: string } | { job: string } | null): void {
  const store = useStore() as AppStore
  const all = interest !== null && 'all' in interest
  const run = interest !== null && 'run' in interest ? interest.run : undefined
  const job = interest !== null && 'job' in interest ? interest.job : undefined
  useEffect(() => {
    const connection = connectionOf(store)
    if (all) return connection.want({ all })
    if (run !== undefined) return connection.want({ runs: [run] })
    if (job !== undefined) return connection.want({ jobs: [job] })
    return undefined
  }, [store, all, run, job])
}

/** Ends the live connection, at sign-out. */
export function useCloseLive(): () => void {
  const store = useStore() as AppStore
  return () => connectionOf(store).close()
}
