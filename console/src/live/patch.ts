// Brings live events into the cache of the API, so that pages need not know of them.

import { api } from '@/api/api'
import { jobsApi } from '@/api/jobs'
import { runsApi } from '@/api/runs'
import { joinNewer } from '@/api/tail'
import type { LogLine, Overview, Run, RunEvent } from '@/api/types'
import type { AppStore } from '@/app/store'
import { byRun, foldRun } from './fold'
import { eventsOf, type LiveEvent, type LiveMessage, type Snapshot } from './protocol'

/** After these the database knows more than the event said. */
const TURNS = new Set(['state', 'finished', 'failed'])

export function patch(store: AppStore, messages: readonly LiveMessage[]): void {
  let events: LiveEvent[] = []
  for (const message of messages) {
    if (message.type !== 'snapshot') {
      events.push(...eventsOf(message))
      continue
    }
    if (events.length > 0) patchRuns(store, events)
    events = []
    snapshot(store, message)
  }
  if (events.length > 0) patchRuns(store, events)
}

function patchRuns(store: AppStore, events: readonly LiveEvent[]): void {
  const runs = byRun(events)
  const folded = new Map<string, Run>()
  replaceRuns(store, (run) => {
    const mine = runs.get(run.id)
    if (!mine) return run
    const done = folded.get(run.id) ?? foldRun(run, mine)
    folded.set(run.id, done)
    return done
  })
  for (const [id, mine] of runs) {
    appendLines(store, id, mine)
    if (mine.some((event) => TURNS.has(event.type))) {
      store.dispatch(api.util.invalidateTags([{ type: 'Run', id }, { type: 'RunTable', id }, 'Overview', 'Queue']))
    }
    if (!folded.has(id)) void addRun(store, id)
  }
}

/** Replaces runs wherever they are held: lists, single runs, the overview. */
function replaceRuns(store: AppStore, change: (run: Run) => Run): void {
  const state = store.getState()
  for (const args of runsApi.util.selectCachedArgsForQuery(state, 'run')) {
    const run = runsApi.endpoints.run.select(args)(state).data
    if (!run) continue
    const next = change(run)
    if (next !== run) store.dispatch(runsApi.util.updateQueryData('run', args, () => next))
  }
  for (const args of runsApi.util.selectCachedArgsForQuery(state, 'runs')) {
    const data = runsApi.endpoints.runs.select(args)(state).data
    if (!data) continue
    // Lists may hold ten thousand runs: they are searched as they are, and only what changes is written.
    const changed: [number, number, Run][] = []
    data.pages.forEach((page, p) => page.items.forEach((run, i) => {
      const next = change(run)
      if (next !== run) changed.push([p, i, next])
    }))
    if (changed.length === 0) continue
    store.dispatch(
      runsApi.util.updateQueryData('runs', args, (draft) => {
        for (const [p, i, run] of changed) {
          const page = draft.pages[p]
          if (page) page.items[i] = run
        }
      }),
    )
  }
  replaceLastRuns(store, (last) => last && change(last))
  const overview = runsApi.endpoints.overview.select()(state).data
  if (overview) {
    const recent = overview.recent.map(change)
    if (recent.some((run, i) => run !== overview.recent[i])) {
      const next: Overview = { ...overview, recent }
      store.dispatch(runsApi.util.updateQueryData('overview', undefined, () => next))
    }
  }
}

/** The newest run of each job in the lists of jobs. */
function replaceLastRuns(store: AppStore, change: (last: Run | null, job: string) => Run | null): void {
  const state = store.getState()
  for (const args of jobsApi.util.selectCachedArgsForQuery(state, 'jobs')) {
    const pages = jobsApi.endpoints.jobs.select(args)(state).data?.pages ?? []
    const changed: [number, number, Run][] = []
    pages.forEach((page, p) => page.items.forEach((job, i) => {
      const last = job.last_run ?? null
      const next = change(last, job.name)
      if (next !== null && next !== last) changed.push([p, i, next])
    }))
    if (changed.length === 0) continue
    store.dispatch(
      jobsApi.util.updateQueryData('jobs', args, (draft) => {
        for (const [p, i, run] of changed) {
          const job = draft.pages[p]?.items[i]
          if (job) job.last_run = run
        }
      }),
    )
  }
}

function snapshot(store: AppStore, message: Snapshot): void {
  const runs = new Map(message.runs.map((run) => [run.id, run]))
  replaceRuns(store, (run) => runs.get(run.id) ?? run)
  // Runs that are shown as live and are not in it have ended meanwhile; counts are the server's.
  store.dispatch(api.util.invalidateTags(['Run', 'RunTable', 'Overview', 'Queue']))
  for (const run of message.runs) void addRun(store, run.id, run)
}

/** Runs that no list had; each is looked for once. */
const sought = new Set<string>()

/** A run that no list knows yet goes on top of the lists that show all runs. */
async function addRun(store: AppStore, id: string, given?: Run): Promise<void> {
  const lists = runsApi.util.selectCachedArgsForQuery(store.getState(), 'runs')
  const open = lists.filter((args) => Object.entries(args).every(([key, value]) => !value || key === 'job'))
  const jobs = jobsApi.util.selectCachedArgsForQuery(store.getState(), 'jobs')
  if ((open.length === 0 && jobs.length === 0) || (!given && sought.has(id))) return
  sought.add(id)
  let run = given
  if (!run) {
    const asked = store.dispatch(runsApi.endpoints.run.initiate(id, { subscribe: false }))
    run = (await asked).data
  }
  if (!run) return
  const added = run
  // Ids are UUIDv7: the later one is the newer run.
  replaceLastRuns(store, (last, job) => (job === added.job && (last === null || last.id < id) ? added : last))
  for (const args of open) {
    if (args.job && args.job !== added.job) continue
    const data = runsApi.endpoints.runs.select(args)(store.getState()).data
    const first = data?.pages[0]
    if (!first || data.pages.some((page) => page.items.some((item) => item.id === id))) continue
    // Ids are UUIDv7: they sort by time. A run older than all that is loaded comes with its page.
    const last = data.pages.at(-1)
    if (last?.next && (last.items.at(-1)?.id ?? '') > id) continue
    store.dispatch(
      runsApi.util.updateQueryData('runs', args, (draft) => {
        const items = draft.pages[0]?.items
        const place = items?.findIndex((item) => item.id < id) ?? -1
        if (items) items.splice(place < 0 ? items.length : place, 0, added)
      }),
    )
  }
}

/** Events are the log of a run, too. What a page has loaded already is not added again. */
function appendLines(store: AppStore, id: string, events: readonly LiveEvent[]): void {
  const told = events.filter((event) => event.type !== 'progress')
  if (told.length === 0) return
  const state = store.getState()
  if (runsApi.endpoints.runLogs.select(id)(state).data) {
    store.dispatch(
      runsApi.util.updateQueryData('runLogs', id, (tail) =>
        joinNewer(
          tail,
          told.map(({ seq, at, level, message }): LogLine => ({ seq, at, level: level ?? 'info', message: message ?? '' })),
        ),
      ),
    )
  }
  if (runsApi.endpoints.runEvents.select(id)(state).data) {
    store.dispatch(runsApi.util.updateQueryData('runEvents', id, (tail) => joinNewer(tail, told as unknown as RunEvent[])))
  }
}
