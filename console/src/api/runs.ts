import type { QueryReturnValue } from '@reduxjs/toolkit/query'
import { api, seg } from './api'
import type { Meta, Request } from './request'
import { A_PAGE, joinOlder, type Tail, tailOf } from './tail'
import type { DeadLetter, LogLine, Overview, Page, Problem, QueueEntry, Replayed, ReplayReport, Run, RunEvent, RunSamples, RunSplit, RunTable, StateChange } from './types'

export interface RunFilter {
  job?: string
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
      query: () => ({ path: '/overview' }),
      providesTags: ['Overview'],
    }),
    runs: build.infiniteQuery<Page<Run>, RunFilter, string | null>({
      query: ({ queryArg, pageParam }) => ({
        path: '/runs',
        query: { ...queryArg, limit: RUNS_A_PAGE, after: pageParam },
      }),
      infiniteQueryOptions: { initialPageParam: null, getNextPageParam: after },
      providesTags: ['RunList'],
    }),
    run: build.query<Run, string>({
      query: (id) => ({ path: `/runs/${seg(id)}` }),
      providesTags: (_, __, id) => [{ type: 'Run', id }],
    }),
    /** The last minutes of its speed and lag, from the server's memory; the chart goes on from there. */
    runSamples: build.query<RunSamples, string>({
      query: (id) => ({ path: `/runs/${seg(id)}/samples`, query: { minutes: SAMPLED_MINUTES } }),
      // Asked again when the run has turned, and when the live connection was away.
      providesTags: (_, __, id) => [{ type: 'Run', id }],
    }),
    runTables: build.query<RunTable[], string>({
      query: (id) => ({ path: `/runs/${seg(id)}/tables`, query: { limit: 500 } }),
      transformResponse: itemsOf<RunTable>,
      providesTags: (_, __, id) => [{ type: 'RunTable', id }],
    }),
    runSplits: build.query<RunSplit[], string>({
      queryFn: (id, _, __, ask) => everything<RunSplit>(`/runs/${seg(id)}/splits`, ask),
      providesTags: (_, __, id) => [{ type: 'RunTable', id }],
    }),
    /** The newest events; those before them come when somebody asks for them. */
    runEvents: build.query<Tail<RunEvent>, string>({
      query: (id) => ({ path: `/runs/${seg(id)}/events`, query: { last: A_PAGE } }),
      transformResponse: tailOf<RunEvent>,
    }),
    olderEvents: build.mutation<Tail<RunEvent>, { run: string; before: number }>({
      query: ({ run, before }) => ({ path: `/runs/${seg(run)}/events`, query: { before, last: A_PAGE } }),
      transformResponse: tailOf<RunEvent>,
      async onQueryStarted({ run, before }, { dispatch, queryFulfilled }) {
        const { data } = await queryFulfilled.catch(() => ({ data: null }))
        if (data) dispatch(runsApi.util.updateQueryData('runEvents', run, (tail) => joinOlder(tail, data, before)))
      },
    }),
    /** The same in words. */
    runLogs: build.query<Tail<LogLine>, string>({
      query: (id) => ({ path: `/runs/${seg(id)}/logs`, query: { last: A_PAGE } }),
      transformResponse: tailOf<LogLine>,
    }),
    olderLines: build.mutation<Tail<LogLine>, { run: string; before: number }>({
      query: ({ run, before }) => ({ path: `/runs/${seg(run)}/logs`, query: { before, last: A_PAGE } }),
      transformResponse: tailOf<LogLine>,
      async onQueryStarted({ run, before }, { dispatch, queryFulfilled }) {
        const { data } = await queryFulfilled.catch(() => ({ data: null }))
        if (data) dispatch(runsApi.util.updateQueryData('runLogs', run, (tail) => joinOlder(tail, data, before)))
      },
    }),
    runHistory: build.query<StateChange[], string>({
      query: (id) => ({ path: `/runs/${seg(id)}/history` }),
      transformResponse: itemsOf<StateChange>,
      providesTags: (_, __, id) => [{ type: 'Run', id }],
    }),
    control: build.mutation<Run, { id: string; verb: RunVerb }>({
      query: ({ id, verb }) => ({ path: `/runs/${seg(id)}/${verb}`, method: 'POST', body: {} }),
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
      query: (id) => ({ path: `/runs/${seg(id)}`, method: 'DELETE' }),
      invalidatesTags: ['RunList', 'Overview'],
    }),
    queue: build.query<QueueEntry[], void>({
      query: () => ({ path: '/queue' }),
      transformResponse: itemsOf<QueueEntry>,
      providesTags: ['Queue'],
    }),
    deadLetters: build.infiniteQuery<Page<DeadLetter>, string, string | null>({
      query: ({ queryArg, pageParam }) => ({
        path: `/runs/${seg(queryArg)}/dead-letters`,
        query: { limit: 100, after: pageParam },
      }),
      infiniteQueryOptions: { initialPageParam: null, getNextPageParam: after },
      providesTags: (_, __, id) => [{ type: 'DeadLetter', id }],
    }),
    replayDeadLetter: build.mutation<Replayed, { id: number; run: string; row?: Record<string, string | null> }>({
      query: ({ id, row }) => ({ path: `/dead-letters/${id}/replay`, method: 'POST', body: row ? { row } : {} }),
      invalidatesTags: (_, __, { run }) => [{ type: 'DeadLetter', id: run }, { type: 'Run', id: run }],
    }),
    dropDeadLetter: build.mutation<null, { id: number; run: string }>({
      query: ({ id }) => ({ path: `/dead-letters/${id}`, method: 'DELETE' }),
      invalidatesTags: (_, __, { run }) => [{ type: 'DeadLetter', id: run }, { type: 'Run', id: run }],
    }),
    replayAll: build.mutation<ReplayReport, string>({
      query: (id) => ({ path: `/runs/${seg(id)}/dead-letters/replay`, method: 'POST', body: {} }),
      invalidatesTags: (_, __, id) => [{ type: 'DeadLetter', id }, { type: 'Run', id }],
    }),
    dropAll: build.mutation<null, string>({
      query: (id) => ({ path: `/runs/${seg(id)}/dead-letters`, method: 'DELETE' }),
      invalidatesTags: (_, __, id) => [{ type: 'DeadLetter', id }, { type: 'Run', id }],
    }),
  }),
})

/** Pages of a list that are read at most: what is beyond is older than anybody scrolls. */
const PAGES = 20

type Ask = (request: Request) => PromiseLike<QueryReturnValue<unknown, Problem, Meta>> | QueryReturnValue<unknown, Problem, Meta>

/** All pages of a list. */
export async function everything<T>(path: string, ask: Ask): Promise<{ data: T[] } | { error: Problem }> {
  const data: T[] = []
  let cursor: string | number | null = null
  for (let page = 0; page < PAGES; page += 1) {
    const answer: QueryReturnValue<unknown, Problem, Meta> = await ask({ path, query: { limit: 500, after: cursor } })
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
