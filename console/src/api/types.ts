// The API's shapes, by hand from the agreed page until `npm run types` makes them from docs/openapi.json.
// Everything in the console takes its types from this file alone.

/** A page of a list; `next` is the cursor of the page after it. */
export interface Page<T> {
  items: T[]
  next: string | null
}

/** An error as the server tells it (RFC 9457), with the code that the CLI has, too. */
export interface Problem {
  type?: string
  title: string
  status: number
  detail?: string
  code?: string
  hint?: string
  /** Where in what was sent: `connection`, `source.tables[0]`. */
  at?: string
  line?: number
  column?: number
}

export type Role = 'viewer' | 'operator' | 'editor' | 'admin'
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

export interface SessionUser {
  name: string
  role: Role
}
export interface Session {
  user: SessionUser
  csrf: string | null
}

export interface User {
  name: string
  role: Role
  disabled?: boolean
  created_at: string
  has_password?: boolean
  /** Signs in with an account of the organisation. */
  external?: boolean
  signed_in_at?: string | null
}
export interface Token {
  id: string
  name: string
  role: Role
  owner?: string | null
  /** Jobs that it is good for; all when not given. */
  jobs?: string[] | null
  created_at: string
  expires_at: string | null
  last_used_at?: string | null
}
export interface NewToken {
  id: string
  name: string
  role: Role
  expires_at: string | null
  token: string
}
export interface AuditEntry {
  id: number | string
  at: string
  actor: string
  action: string
  target?: string | null
  address?: string | null
  detail?: unknown
}

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
export interface OptionDoc {
  name: string
  /** `text`, `a number`, `true | false`, or the values it takes, joined by ` | `. */
  kind: string
  /** As it would be written; empty without one. */
  default: string
  doc: string
}
export interface Connector {
  id: string
  title: string
  roles: { source: Mode[]; sink: boolean }
  schemes: string[]
  example: string
  guarantee?: string
  versions?: string
  notes?: string
  options: OptionDoc[]
}

export interface Connection {
  name: string
  connector: string
  /** Without secrets. */
  url: string
  has_password: boolean
  options?: Record<string, string>
  description?: string | null
  limit?: number | null
  version: number
  created_at: string
  updated_at: string
  used_by: string[]
}
export interface ConnectionInput {
  name: string
  url: string
  password?: string
  options?: Record<string, string>
  description?: string
  limit?: number | null
}
export interface ConnectionTest {
  ok: boolean
  version?: string | null
  notes: string[]
  error?: Problem | null
}
export interface TableInfo {
  schema: string | null
  name: string
  kind?: string
  rows_estimated: number | null
  bytes?: number | null
  has_key?: boolean
}
export interface ColumnInfo {
  name: string
  type: string
  native?: string | null
  nullable: boolean
  key?: boolean
  generated?: boolean
  comment?: string | null
}
export interface TableDetail {
  columns: ColumnInfo[]
  indexes?: { name: string; columns: string[]; unique?: boolean }[]
  primary_key?: string[]
  notes?: string[]
}
export interface RowSample {
  columns: (string | { name: string; type?: string })[]
  rows: (string | null)[][]
  /** Rows that could not be read, with the reason. */
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

export interface RunError {
  code: string
  message: string
  hint?: string | null
}
export interface Run {
  id: string
  job: string
  job_version?: number
  state: RunState
  reason: string | null
  waits_for?: string | null
  trigger?: Trigger
  mode: Mode
  /** Without secrets. */
  source: string
  sink: string
  /** Names of the connections, where the job uses some. */
  source_connection?: string | null
  sink_connection?: string | null
  epoch: number
  node?: string | null
  rows_read: number
  rows_written: number
  rows_estimated: number | null
  dead_letters: number
  rows_per_second: number | null
  lag_ms?: number | null
  /** It has caught up with the log, and follows it. */
  following?: boolean
  position?: string | null
  priority?: number
  created_at: string
  queued_at?: string | null
  started_at?: string | null
  ended_at?: string | null
  error?: RunError | null
}
export interface RunTable {
  source: string
  target: string
  rows_read: number
  rows_written: number
  rows_estimated: number | null
  splits: number
  splits_done: number
  dead_letters: number
  /** Changes of the log that were applied. */
  changes?: number
  done?: boolean
}
export interface RunSplit {
  table: string
  split: number
  rows: number
  rows_estimated?: number | null
  position: string | null
  done: boolean
}
export interface RunEvent {
  seq: number
  at: string
  type: string
  level?: string
  /** In words. */
  message?: string
  [field: string]: unknown
}
export interface LogLine {
  seq: number
  at: string
  level: string
  message: string
  target?: string
}
export interface StateChange {
  at: string
  state: RunState
  reason: string | null
  actor?: string | null
}
export interface DeadLetter {
  id: number
  run: string
  source: string
  target: string
  stage: string
  /** The key's columns. */
  key: Record<string, unknown>
  code: string
  reason: string
  /** The row's columns: texts and nulls. */
  row: Record<string, unknown>
  at: string
  replayed_at: string | null
}
/** What became of a row that was replayed. */
export interface Replayed {
  id: number
  written: boolean
  error?: Problem | null
}
export interface ReplayReport {
  written: number
  failed: number
  /** There are others left. */
  more: boolean
  items: Replayed[]
}
export interface QueueEntry {
  run: string
  job: string
  position: number
  reason: string
  priority?: number
  waited_seconds?: number
  expected_seconds?: number | null
}

export interface Overview {
  running: number
  waiting: number
  failed_24h: number
  finished_24h: number
  rows_per_second: number
  max_lag_ms: number | null
  sources: { connection: string; in_sync: boolean | null; lag_ms: number | null; jobs: string[] }[]
  recent: Run[]
  throughput: { at: string; rows_per_second: number }[]
}
export interface NodeInfo {
  name: string
  version: string
  started_at: string
  state: string
  cpu_percent: number | null
  rss_bytes: number | null
  slots: number
  running: string[]
}
export interface Webhook {
  name: string
  url: string
  /** Sent, never answered. */
  authorization?: string
  has_authorization?: boolean
}
export interface Email {
  host: string
  port: number
  security: 'tls' | 'start_tls' | 'none'
  user?: string | null
  /** Sent, never answered. */
  password?: string
  has_password?: boolean
  from: string
  to: string[]
}
export interface Alerts {
  on_failed: boolean
  waiting_seconds: number | null
  lag_seconds: number | null
  dead_letters: number | null
  link: string | null
  webhooks: Webhook[]
  email: Email | null
}
export interface Settings {
  slots: number
  per_connection_limit: number
  history_days: number
  audit_days: number | null
  file_roots: string[]
  allow_private_networks: boolean
  environment: string[]
  alerts: Alerts
  version?: number
  updated_at?: string | null
  updated_by?: string | null
}

export type DifferenceKind = 'missing' | 'extra' | 'different' | 'unfit' | 'unreadable'
export interface Difference {
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
export interface Verification {
  id: string
  job: string
  state: 'running' | 'finished' | 'failed' | 'repairing'
  created_at: string
  ended_at?: string | null
  equal?: boolean
  sample?: number | null
  tables: TableVerdict[]
  differences?: Difference[]
  repaired?: { table: string; written?: number; deleted?: number }[]
  seconds?: number
  error?: RunError | null
}
