import { api } from './api'
import { call } from './call'
import { itemsOf } from './runs'
import type { Difference, Job, JobInput, JobPreview, JobSpec, JobVersion, Page, Plan, Run, Validation, Verification, VerifyProgress } from './types'

/** A job as it is being written: its spec, or the text of it. */
export type Draft = ({ spec: JobSpec } | { yaml: string }) & { project?: string }

/** A comparison as the server tells it. */
interface VerificationAnswer {
  id: string
  job: string
  started_by: string
  state: 'running' | 'equal' | 'different' | 'failed'
  options: { sample?: number; tables?: string[]; repair_of?: string }
  created_at: string
  ended_at: string | null
  progress?: VerifyProgress | null
  verdict: Pick<Verification, 'equal' | 'tables' | 'repaired' | 'seconds'> | null
  error: Verification['error']
}

export function verificationOf({ options, verdict, state, ...rest }: VerificationAnswer): Verification {
  return {
    ...rest,
    tables: [],
    ...verdict,
    state: state === 'failed' ? 'failed' : state !== 'running' ? 'finished' : options.repair_of === undefined ? 'running' : 'repairing',
    sample: options.sample ?? null,
    ...(options.repair_of === undefined ? {} : { repair_of: options.repair_of }),
  }
}

export interface JobFilter {
  /** A part of the name, the description, the source or the target. */
  q?: string
  /** State of the newest run. */
  state?: string
  project?: string
}

/** So many jobs are fetched at once; the list asks for the next page as it is scrolled. */
export const JOBS_A_PAGE = 100
const NAMES_OFFERED = 50

const TROUBLED_SHOWN = 50

/** Failed, or kept from moving by something outside: a run that waits for its turn is not in trouble. */
export function isTroubled(run: Run): boolean {
  return run.state === 'failed' || (run.state === 'waiting' && !run.waits_for && Boolean(run.reason))
}

/** What has failed first, and the newest first. */
function byTrouble(a: Run, b: Run): number {
  return Number(b.state === 'failed') - Number(a.state === 'failed') || (a.id < b.id ? 1 : -1)
}

export const jobsApi = api.injectEndpoints({
  endpoints: (build) => ({
    jobs: build.infiniteQuery<Page<Job>, JobFilter, string | null>({
      query: ({ queryArg, pageParam }) => call('get', '/jobs', { query: { ...queryArg, limit: JOBS_A_PAGE, after: pageParam } }),
      infiniteQueryOptions: { initialPageParam: null, getNextPageParam: (last) => last.next ?? undefined },
      providesTags: ['Job'],
    }),
    /** Names to choose from, of all jobs there are. */
    jobNames: build.query<string[], string>({
      query: (q) => call('get', '/jobs', { query: { q, limit: NAMES_OFFERED } }),
      transformResponse: (answer: Page<Job>) => answer.items.map((job) => job.name),
      providesTags: ['Job'],
    }),
    /** Newest runs of jobs that somebody has to look at: they have failed, or wait for a store. */
    troubled: build.query<{ runs: Run[]; more: boolean }, void>({
      query: () => call('get', '/jobs', { query: { state: 'failed,waiting', limit: TROUBLED_SHOWN } }),
      transformResponse: ({ items, next }: Page<Job>) => ({ runs: items.flatMap((job) => (job.last_run && isTroubled(job.last_run) ? [job.last_run] : [])).sort(byTrouble), more: next !== null }),
      providesTags: ['Overview'],
    }),
    job: build.query<Job, string>({
      query: (name) => call('get', '/jobs/{name}', { path: { name } }),
      transformResponse: (job: Job, meta) => ({ ...job, version: job.version ?? meta?.version ?? 1 }),
      providesTags: (_, __, id) => [{ type: 'Job', id }],
    }),
    createJob: build.mutation<Job, JobInput>({
      query: (body) => call('post', '/jobs', { body }),
      invalidatesTags: ['Job', 'Project'],
    }),
    updateJob: build.mutation<Job, { job: JobInput; version: number }>({
      query: ({ job, version }) => call('put', '/jobs/{name}', { path: { name: job.name }, body: job, ifMatch: version }),
      // Its runs go with it to another project.
      invalidatesTags: (_, __, { job }) => ['Job', ...(job.project === undefined ? [] : (['Project', 'Run', 'RunList'] as const))],
    }),
    deleteJob: build.mutation<null, { name: string; version: number }>({
      query: ({ name, version }) => call('delete', '/jobs/{name}', { path: { name }, ifMatch: version }),
      invalidatesTags: ['Job', 'Overview', 'Project'],
    }),
    jobVersions: build.query<JobVersion[], string>({
      query: (name) => call('get', '/jobs/{name}/versions', { path: { name }, query: { limit: 500 } }),
      transformResponse: itemsOf<JobVersion>,
      providesTags: (_, __, id) => [{ type: 'Job', id }],
    }),
    jobDiff: build.query<{ diff: string }, { name: string; from: number; to: number }>({
      query: ({ name, from, to }) => call('get', '/jobs/{name}/diff', { path: { name }, query: { from, to } }),
    }),
    rollBackJob: build.mutation<Job, { name: string; version: number }>({
      query: ({ name, version }) => call('post', '/jobs/{name}/rollback', { path: { name }, body: { version } }),
      invalidatesTags: ['Job'],
    }),
    cloneJob: build.mutation<Job, { name: string; as: string }>({
      query: ({ name, as }) => call('post', '/jobs/{name}/clone', { path: { name }, body: { name: as } }),
      invalidatesTags: ['Job', 'Project'],
    }),
    exportJob: build.query<string, string>({
      query: (name) => call('get', '/jobs/{name}/export', { path: { name }, query: { format: 'yaml' }, asText: true }),
    }),
    importJobs: build.mutation<{ jobs: (Job | string)[]; notes: string[] }, { text: string; project?: string }>({
      query: ({ text, project }) => call('post', '/jobs/import', { text, query: { project } }),
      invalidatesTags: ['Job', 'Project'],
    }),
    startJob: build.mutation<Run, { name: string; fresh?: boolean }>({
      query: ({ name, fresh }) => call('post', '/jobs/{name}/runs', { path: { name }, body: fresh ? { fresh } : {} }),
      invalidatesTags: (_, __, { name }) => ['RunList', 'Overview', 'Queue', { type: 'Job', id: name }],
    }),
    validateJob: build.mutation<Validation, Draft>({
      query: (body) => call('post', '/jobs/validate', { body }),
    }),
    planJob: build.mutation<Plan, Draft>({
      query: (body) => call('post', '/jobs/plan', { body }),
    }),
    planOfJob: build.query<Plan, string>({
      query: (name) => call('post', '/jobs/{name}/plan', { path: { name }, body: {} }),
    }),
    previewJob: build.mutation<JobPreview, Draft & { table: string; rows?: number }>({
      query: (body) => call('post', '/jobs/preview', { body }),
    }),
    verifications: build.query<Verification[], string | undefined>({
      query: (job) => call('get', '/verifications', { query: { job, limit: 200 } }),
      transformResponse: (page: Page<VerificationAnswer>) => page.items.map(verificationOf),
      providesTags: ['Verification'],
    }),
    verification: build.query<Verification, string>({
      query: (id) => call('get', '/verifications/{id}', { path: { id } }),
      transformResponse: verificationOf,
      providesTags: (_, __, id) => [{ type: 'Verification', id }],
    }),
    differences: build.infiniteQuery<Page<Difference>, string, string | null>({
      query: ({ queryArg, pageParam }) => call('get', '/verifications/{id}/differences', { path: { id: queryArg }, query: { limit: 100, after: pageParam } }),
      infiniteQueryOptions: { initialPageParam: null, getNextPageParam: (last) => last.next ?? undefined },
      providesTags: (_, __, id) => [{ type: 'Verification', id }],
    }),
    verifyJob: build.mutation<Verification, { name: string; sample?: number; tables?: string[] }>({
      query: ({ name, ...body }) => call('post', '/jobs/{name}/verify', { path: { name }, body }),
      transformResponse: verificationOf,
      invalidatesTags: ['Verification'],
    }),
    repair: build.mutation<Verification, { id: string; deleteExtra?: boolean }>({
      query: ({ id, deleteExtra }) => call('post', '/verifications/{id}/repair', { path: { id }, body: deleteExtra ? { delete_extra: true } : {} }),
      transformResponse: verificationOf,
      invalidatesTags: ['Verification'],
    }),
  }),
})

export const {
  useJobsInfiniteQuery,
  useJobNamesQuery,
  useTroubledQuery,
  useJobQuery,
  useCreateJobMutation,
  useUpdateJobMutation,
  useDeleteJobMutation,
  useJobVersionsQuery,
  useJobDiffQuery,
  useRollBackJobMutation,
  useCloneJobMutation,
  useLazyExportJobQuery,
  useImportJobsMutation,
  useStartJobMutation,
  useValidateJobMutation,
  usePlanJobMutation,
  useLazyPlanOfJobQuery,
  usePreviewJobMutation,
  useVerificationsQuery,
  useVerificationQuery,
  useDifferencesInfiniteQuery,
  useVerifyJobMutation,
  useRepairMutation,
} = jobsApi
