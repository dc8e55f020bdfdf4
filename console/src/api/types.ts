// The shapes of the API, named as the console speaks of them. They are those of docs/openapi.json
// (`npm run types` makes schema.d.ts of it, and `call.ts` takes requests from there), told more exactly where the document has only a text or an
// object: states, modes, a job's spec.

import type { components } from './schema'

type Schemas = components['schemas']

/** A page of a list; `next` is the cursor of the page after it. */
export interface Page<T> {
  items: T[]
  next: string | null
}

/** An error as the server tells it (RFC 9457), with the code that the CLI has, too. */
export type Problem = Partial<Omit<Schemas['Problem'], 'line' | 'column'>> & {
  title: string
  status: number
  line?: number
  column?: number
}

export type Role = Schemas['Role']
export type RunState =
  | 'created'
  | 'waiting'
  | 'running'
  | 'pausing'
  | 'paused'
  | 'stopping'
  | 'stopped'
  | 'finished'
  | 'failed'
export type Mode = 'full' | 'batch' | 'changes' | 'full+changes'
export type Trigger = 'api' | 'schedule' | 'completion' | 'restart'

export type SessionUser = Schemas['Me']
export type Session = Omit<Schemas['SessionView'], 'csrf'> & { csrf: string | null }
/** Opens one live connection, soon. */
export type LiveTicket = Schemas['LiveTicket']
export type User = Schemas['UserView']
export type Token = Omit<Schemas['TokenView'], 'expires_at'> & { expires_at: string | null }
export type NewToken = Schemas['TokenMade']
export type AuditEntry = Omit<Schemas['AuditView'], 'detail'> & { detail?: unknown }

/** The part of JSON Schema that the schema of job files uses. */
export interface JsonSchema {
  $ref?: string
  $defs?: Record<string, JsonSchema>
  type?: string | string[]
  title?: string
  description?: string
  default?: unknown
  enum?: unknown[]
  const?: unknown
  oneOf?: JsonSchema[]
  anyOf?: JsonSchema[]
  allOf?: JsonSchema[]
  properties?: Record<string, JsonSchema>
  patternProperties?: Record<string, JsonSchema>
  additionalProperties?: boolean | JsonSchema
  required?: string[]
  items?: JsonSchema
  minimum?: number
  maximum?: number
  format?: string
}
/** One option of a connector, as documented. */
export type OptionDoc = Schemas['OptionView']
export type Connector = Omit<Schemas['ConnectorView'], 'source_modes' | 'sink'> & {
  roles: { source: Mode[]; sink: boolean }
}

export type Connection = Schemas['ConnectionView']
export type ConnectionInput = Partial<Schemas['ConnectionInput']> & { name: string; url: string }
export type ConnectionTest = Omit<Schemas['TestView'], 'error'> & { error?: Problem | null }
export type TableInfo = Omit<Schemas['TableView'], 'schema'> & { schema: string | null }
export type ColumnInfo = Schemas['ColumnView']
export type TableDetail = Schemas['TableDetail']
/** Rows as texts, for people. */
export type RowSample = Omit<Schemas['SampleView'], 'columns' | 'rejected'> & {
  columns: (string | { name: string; type?: string })[]
  rejected?: string[]
}

/** A job as a person writes it; `docs/job.schema.json` says what may be in it. */
export interface JobSpec {
  version: number
  name?: string
  source: Record<string, unknown>
  sink: Record<string, unknown>
  mode?: Mode
  [key: string]: unknown
}
export interface Job {
  name: string
  project: string
  spec: JobSpec
  yaml: string
  description?: string | null
  priority?: number
  enabled: boolean
  version: number
  mode: Mode
  source: string
  sink: string
  schedule?: string | null
  next_start?: string | null
  last_run?: Run | null
  created_at?: string
  updated_at?: string
}
export interface JobInput {
  name: string
  spec?: JobSpec
  yaml?: string
  /** Left out, a new one is in the default project, and one that is there stays in its own. */
  project?: string
  description?: string
  priority?: number
  enabled?: boolean
}
export interface JobVersion {
  version: number
  at: string
  actor?: string
  spec?: JobSpec
  yaml?: string
}
export interface Validation {
  valid: boolean
  problems: Problem[]
}
export interface ColumnPlan {
  from: string
  from_type: string
  to: string
  to_type: string
  fidelity: 'exact' | 'widened' | 'lossy'
  why: string | null
  refused?: string[]
}
export interface TablePlan {
  source: string
  target: string
  creates: boolean
  write: string
  guarantee: string
  splits: number
  resumable: boolean
  rows_estimated: number | null
  columns: ColumnPlan[]
  notes: string[]
}
export interface Plan {
  source: string
  sink: string
  notes: string[]
  snapshot: string
  parallel: number
  following?: { from: string; guarantee: string; notes: string[] }
  tables: TablePlan[]
}
export interface JobPreview {
  before: RowSample
  after: RowSample
  rejected?: { row: number; reason: string; code?: string }[]
}

/** What somebody may do in a project, where their role everywhere allows less. */
export type Member = Schemas['MemberView']

/** A group of jobs, and how many of their runs may be at work at the same time. */
export type Project = Schemas['Project']

export type RunError = Schemas['RunErrorView']
export type Run = Omit<Schemas['RunView'], 'state' | 'mode' | 'trigger' | 'rows_estimated'> & {
  state: RunState
  mode?: Mode | null
  trigger: Trigger
  rows_estimated: number | null
}
/** The recent speed and lag of a run, oldest first. */
export type RunSamples = Schemas['RunSamples']
export type RunTable = Schemas['RunTable']
export type RunSplit = Schemas['RunSplit']
export interface RunEvent {
  seq: number
  at: string
  type: string
  level?: string
  /** In words. */
  message?: string
  [field: string]: unknown
}
export type LogLine = Schemas['LogLine']
export type StateChange = Omit<Schemas['HistoryView'], 'state'> & { state: RunState }
export type DeadLetter = Schemas['DeadLetterView']
/** What became of a row that was replayed. */
export type Replayed = Schemas['ReplayedView']
export type ReplayReport = Schemas['ReplayReport']
export type QueueEntry = Schemas['QueuedRun']

export type Overview = Omit<Schemas['Overview'], 'recent'> & { recent: Run[] }
export type NodeInfo = Schemas['Node']
/** Secrets are sent and never answered; whether there is one is answered and never sent. */
export type Webhook = Schemas['Webhook'] & { authorization?: string; has_authorization?: boolean }
export type Email = Schemas['Email'] & { password?: string; has_password?: boolean }
export type Alerts = Omit<Schemas['Alerts'], 'webhooks' | 'email'> & { webhooks: Webhook[]; email: Email | null }
export type Settings = Required<Omit<Schemas['Settings'], 'alerts' | 'audit_days'>> & {
  audit_days: number | null
  alerts: Alerts
  version?: number
  updated_at?: string | null
  updated_by?: string | null
}

export type DifferenceKind = 'missing' | 'extra' | 'different' | 'unfit' | 'unreadable'
export interface Difference {
  id: number
  table: string
  kind: DifferenceKind
  key: { column: string; value: string }[]
  columns: { column: string; source: string | null; target: string | null }[]
  reason?: string
}
export interface TableVerdict {
  source: string
  target: string
  target_missing: boolean
  key: string[]
  method: string
  equal: number
  missing: number
  extra: number
  different: number
  unfit: number
  unreadable: number
  moving?: number
}
/** How far a comparison is. */
export type VerifyProgress = Schemas['VerificationProgress']
export interface Verification {
  id: string
  job: string
  state: 'running' | 'finished' | 'failed' | 'repairing'
  started_by?: string
  created_at: string
  ended_at?: string | null
  equal?: boolean
  /** Percent of the rows. */
  sample?: number | null
  /** The comparison whose differences this one mends. */
  repair_of?: string
  tables: TableVerdict[]
  progress?: VerifyProgress | null
  repaired?: { table: string; written: number; deleted: number; left: string[] }[]
  seconds?: number
  error?: RunError | null
}
