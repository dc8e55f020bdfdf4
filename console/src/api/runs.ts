import type { QueryReturnValue } from '@reduxjs/toolkit/query'
import { api } from './api'
import { call } from './call'
import type { Meta, Request } from './request'
import { A_PAGE, joinOlder, type Tail, tailOf } from './tail'
import type { DeadLetter, LogLine, Overview, Page, Problem, QueueEntry, Replayed, ReplayReport, Run, RunEvent, RunSamples, RunSplit, RunTable, StateChange } from './types'

export interface RunFilter {
  job?: string
  project?: string
  state?: string
  q?: string
  since?: string
  until?: string
}
export type RunVerb = 'pause' | 'resume' | 'stop' | 'restart'

/** So many runs are fetched at once; a list asks for the next page as it is scrolled. */
export const RUNS_A_PAGE = 200

/** As far back as a run's chart goes. */
const SAMPLED_MINUTES = 10

const after = <T>(last: Page<T>) => last.next ?? undefined

export const runsApi = api.injectEndpoints({
  endpoints: (build) => ({
    overview: build.query<Overview, void>({
      query: () => call('get', '/overview'),
      providesTags: ['Overview'],
    }),
    runs: build.infiniteQuery<Page<Run>, RunFilter, string | null>({
      query: ({ queryArg, pageParam }) => call('get', '/runs', { query: { ...queryArg, limit: RUNS_A_PAGE, after: pageParam } }),
      infiniteQueryOptions: { initialPageParam: null, getNextPageParam: after },
      providesTags: ['RunList'],
    }),
    run: build.query<Run, string>({
      query: (id) => call('get', '/runs/{id}', { path: { id } }),
      providesTags: (_, __, id) => [{ type: 'Run', id }],
    }),
    /** The last minutes of its speed and lag, from the server's memory; the chart goes on from there. */
    runSamples: build.query<RunSamples, string>({
      query: (id) => call('get', '/runs/{id}/samples', { path: { id }, query: { minutes: SAMPLED_MINUTES } }),
      // Asked again when the run has turned, and when the live connection was away.
      providesTags: (_, __, id) => [{ type: 'Run', id }],
    }),
    runTables: build.query<RunTable[], string>({
      query: (id) => call('get', '/runs/{id}/tables', { path: { id }, query: { limit: 500 } }),
      transformResponse: itemsOf<RunTable>,
      providesTags: (_, __, id) => [{ type: 'RunTable', id }],
    }),
    runSplits: build.query<RunSplit[], string>({
      queryFn: (id, _, __, ask) => everything<RunSplit>(call('get', '/runs/{id}/splits', { path: { id } }), ask),
      providesTags: (_, __, id) => [{ type: 'RunTable', id }],
    }),
    /** The newest events; those before them come when somebody asks for them. */
    runEvents: build.query<Tail<RunEvent>, string>({
      query: (id) => call('get', '/runs/{id}/events', { path: { id }, query: { last: A_PAGE } }),
      transformResponse: tailOf<RunEvent>,
    }),
    olderEvents: build.mutation<Tail<RunEvent>, { run: string; before: number }>({
      query: ({ run, before }) => call('get', '/runs/{id}/events', { path: { id: run }, query: { before, last: A_PAGE } }),
      transformResponse: tailOf<RunEvent>,
      async onQueryStarted({ run, before }, { dispatch, queryFulfilled }) {
        const { data } = await queryFulfilled.catch(() => ({ data: null }))
        if (data) dispatch(runsApi.util.updateQueryData('runEvents', run, (tail) => joinOlder(tail, data, before)))
      },
    }),
    /** The same in words. */
    runLogs: build.query<Tail<LogLine>, string>({
      query: (id) => call('get', '/runs/{id}/logs', { path: { id }, query: { last: A_PAGE } }),
      transformResponse: tailOf<LogLine>,
    }),
    olderLines: build.mutation<Tail<LogLine>, { run: string; before: number }>({
      query: ({ run, before }) => call('get', '/runs/{id}/logs', { path: { id: run }, query: { before, last: A_PAGE } }),
      transformResponse: tailOf<LogLine>,
      async onQueryStarted({ run, before }, { dispatch, queryFulfilled }) {
        const { data } = await queryFulfilled.catch(() => ({ data: null }))
        if (data) dispatch(runsApi.util.updateQueryData('runLogs', run, (tail) => joinOlder(tail, data, before)))
      },
    }),
    runHistory: build.query<StateChange[], string>({
      query: (id) => call('get', '/runs/{id}/history', { path: { id } }),
      transformResponse: itemsOf<StateChange>,
      providesTags: (_, __, id) => [{ type: 'Run', id }],
    }),
    control: build.mutation<Run, { id: string; verb: RunVerb }>({
      query: ({ id, verb }) => call('post', `/runs/{id}/${verb}`, { path: { id }, body: {} }),
      // The answer is the state that is in the database: it is shown at once.
      async onQueryStarted({ id, verb }, { dispatch, queryFulfilled }) {
        const { data } = await queryFulfilled.catch(() => ({ data: null }))
        if (data && verb !== 'restart') dispatch(runsApi.util.updateQueryData('run', id, () => data))
      },
      invalidatesTags: (_, __, { id, verb }) => [
        { type: 'Run', id },
        'Overview',
        'Queue',
        ...(verb === 'restart' ? (['RunList'] as const) : []),
      ],
    }),
    deleteRun: build.mutation<null, string>({
      query: (id) => call('delete', '/runs/{id}', { path: { id } }),
      invalidatesTags: ['RunList', 'Overview'],
    }),
    queue: build.query<QueueEntry[], void>({
      query: () => call('get', '/queue'),
      transformResponse: itemsOf<QueueEntry>,
      providesTags: ['Queue'],
    }),
    deadLetters: build.infiniteQuery<Page<DeadLetter>, string, string | null>({
      query: ({ queryArg, pageParam }) => call('get', '/runs/{id}/dead-letters', { path: { id: queryArg }, query: { limit: 100, after: pageParam } }),
      infiniteQueryOptions: { initialPageParam: null, getNextPageParam: after },
      providesTags: (_, __, id) => [{ type: 'DeadLetter', id }],
    }),
    replayDeadLetter: build.mutation<Replayed, { id: number; run: string; row?: Record<string, string | null> }>({
      query: ({ id, row }) => call('post', '/dead-letters/{id}/replay', { path: { id }, body: row ? { row } : {} }),
      invalidatesTags: (_, __, { run }) => [{ type: 'DeadLetter', id: run }, { type: 'Run', id: run }],
    }),
    dropDeadLetter: build.mutation<null, { id: number; run: string }>({
      query: ({ id }) => call('delete', '/dead-letters/{id}', { path: { id } }),
      invalidatesTags: (_, __, { run }) => [{ type: 'DeadLetter', id: run }, { type: 'Run', id: run }],
    }),
    replayAll: build.mutation<ReplayReport, string>({
      query: (id) => call('post', '/runs/{id}/dead-letters/replay', { path: { id }, body: {} }),
      invalidatesTags: (_, __, id) => [{ type: 'DeadLetter', id }, { type: 'Run', id }],
    }),
    dropAll: build.mutation<null, string>({
      query: (id) => call('delete', '/runs/{id}/dead-letters', { path: { id } }),
      invalidatesTags: (_, __, id) => [{ type: 'DeadLetter', id }, { type: 'Run', id }],
    }),
  }),
})

/** Pages of a list that are read at most: what is beyond is older than anybody scrolls. */
const PAGES = 20

type Ask = (request: Request) => PromiseLike<QueryReturnValue<unknown, Problem, Meta>> | QueryReturnValue<unknown, Problem, Meta>

/** All pages of a list. */
export async function everything<T>(request: Request, ask: Ask): Promise<{ data: T[] } | { error: Problem }> {
  const data: T[] = []
  let cursor: string | number | null = null
  for (let page = 0; page < PAGES; page += 1) {
    const answer: QueryReturnValue<unknown, Problem, Meta> = await ask({ ...request, query: { ...request.query, limit: 500, after: cursor } })
    if (answer.error) return { error: answer.error }
    data.push(...itemsOf<T>(answer.data))
    cursor = (answer.data as { next?: string | number | null }).next ?? null
    if (cursor === null) break
  }
  return { data }
}

/** The items of a list, be it paged or whole. */
export function itemsOf<T>(answer: unknown): T[] {
  return Array.isArray(answer) ? (answer as T[]) : (answer as Page<T>).items
}

export const {
  useOverviewQuery,
  useRunsInfiniteQuery,
  useRunQuery,
  useRunSamplesQuery,
  useRunTablesQuery,
  useRunSplitsQuery,
  useRunEventsQuery,
  useRunLogsQuery,
  useOlderLinesMutation,
  useOlderEventsMutation,
  useRunHistoryQuery,
  useControlMutation,
  useDeleteRunMutation,
  useQueueQuery,
  useDeadLettersInfiniteQuery,
  useReplayDeadLetterMutation,
  useDropDeadLetterMutation,
  useReplayAllMutation,
  useDropAllMutation,
} = runsApi
