// The live connection as pages use it.

import { useEffect } from 'react'
import { useStore } from 'react-redux'
import { liveUrl } from '@/app/config'
import type { AppStore } from '@/app/store'
import { LiveConnection, type Socket } from './connection'
import { patch } from './patch'
import { liveMessages, liveStatus } from './slice'

const connections = new WeakMap<AppStore, LiveConnection>()

function connectionOf(store: AppStore): LiveConnection {
  const there = connections.get(store)
  if (there) return there
  const made = new LiveConnection({
    open: (after) => new WebSocket(liveUrl(after)) as unknown as Socket,
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
