// What runs, what waits, what failed, how fast it goes, and whether each source is in sync.

import { Anchor, Button, Group } from '@mantine/core'
import { useMemo } from 'react'
import { Link } from 'react-router'
import { useTroubledQuery } from '@/api/jobs'
import { useOverviewQuery, useQueueQuery } from '@/api/runs'
import type { Overview, QueueEntry } from '@/api/types'
import { duration, short } from '@/format'
import { useLive } from '@/live'
import { lately } from '@/live/samples'
import { Chart } from '@/ui/Chart'
import { type Column, DataTable } from '@/ui/DataTable'
import { Icon } from '@/ui/Icon'
import { Empty, Loaded } from '@/ui/notes'
import { Page, Panel, Stat, Stats } from '@/ui/pieces'
import { useRunColumns } from '@/ui/runColumns'
import ui from '@/ui/ui.module.css'
import { Told } from '@/ui/Told'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { AllWell, Attention } from './Attention'
import { type SourceState, withBroken } from './sources'
import { words } from './words'

/** Counts and the chart are the server's; runs move by themselves between two answers. */
const ASK_AGAIN_MS = 5_000

export function Component() {
  const w = useWords(words)
  useLive({ all: true })
  const query = useOverviewQuery(undefined, { pollingInterval: ASK_AGAIN_MS, skipPollingIfUnfocused: true })
  return (
    <Page
      title={w.title}
      actions={
        <Button component={Link} to="/jobs/new" leftSection={<Icon name="plus" size={14} />}>
          {w.newJob}
        </Button>
      }
    >
      <Loaded query={query} rows={10}>
        {(overview) => <Content overview={overview} />}
      </Loaded>
    </Page>
  )
}

function Content({ overview }: { overview: Overview }) {
  const w = useWords(words)
  const s = useWords(shared)
  const runColumns = useRunColumns()
  const speed = lately(overview.throughput.map((one) => ({ t: Date.parse(one.at) / 1000, rate: one.rows_per_second }))) ?? overview.rows_per_second
  const { data: troubled } = useTroubledQuery()
  const sources = useMemo(() => withBroken(overview.sources, troubled?.runs ?? []), [overview.sources, troubled])
  return (
    <>
      <Stats>
        <Stat label={w.running} value={overview.running} to="/runs?state=running" tone={overview.running > 0 ? 'running' : undefined} />
        <Stat label={w.waiting} value={overview.waiting} to="/runs?state=waiting" tone={overview.waiting > 0 ? 'waiting' : undefined} />
        <Stat label={w.failed} value={overview.failed_24h} to="/runs?state=failed" tone={overview.failed_24h > 0 ? 'failed' : undefined} />
        <Stat label={w.finished} value={overview.finished_24h} to="/runs?state=finished" />
        <Stat label={w.speed} value={short(speed)} unit={s.rowsPerSecond} />
        <Stat label={w.lag} value={duration(overview.max_lag_ms)} />
      </Stats>
      <Attention />
      {overview.recent.length > 0 && <AllWell />}
      <Panel title={w.sources} flush>
        <Sources sources={sources} />
      </Panel>
      <Queue />
      <Panel title={w.throughput}>
        <Throughput points={overview.throughput} />
      </Panel>
      <Panel
        title={w.recent}
        flush
        aside={
          <Anchor component={Link} to="/runs" size="sm">
            {w.allRuns}
          </Anchor>
        }
      >
        {overview.recent.length === 0 ? (
          <Empty
            title={w.noRuns}
            action={
              <Group gap="xs">
                <Button component={Link} to="/connections/new" variant="default">
                  {w.addConnection}
                </Button>
                <Button component={Link} to="/jobs/new">
                  {w.newJob}
                </Button>
              </Group>
            }
          >
            {w.firstSteps}
          </Empty>
        ) : (
          <DataTable label={w.recent} columns={runColumns} rows={overview.recent} rowKey={(run) => run.id} linked />
        )}
      </Panel>
    </>
  )
}

function Throughput({ points }: { points: Overview['throughput'] }) {
  const w = useWords(words)
  const s = useWords(shared)
  const times = useMemo(() => points.map((p) => Date.parse(p.at) / 1000), [points])
  const series = useMemo(
    () => [{ label: s.rowsPerSecond, color: '--sl-bar', values: points.map((p) => p.rows_per_second), format: short }],
    [points, s],
  )
  if (points.every((one) => one.rows_per_second === 0)) return <span className={ui.sub}>{w.noThroughput}</span>
  return <Chart label={w.throughputLabel} times={times} series={series} height={140} />
}

function Sources({ sources }: { sources: SourceState[] }) {
  const w = useWords(words)
  const columns: Column<SourceState>[] = [
    {
      id: 'connection',
      title: w.source,
      width: 'minmax(8rem, 1fr)',
      main: true,
      cell: (one) => <Link to={`/connections/${encodeURIComponent(one.connection)}`}>{one.connection}</Link>,
    },
    {
      id: 'sync',
      title: w.sync,
      width: '9rem',
      labelled: false,
      cell: (one) => (
        <span className={ui.state} data-state={one.broken ? 'failed' : one.in_sync === null ? 'stopped' : one.in_sync ? 'finished' : 'waiting'}>
          {one.broken ? w.broken : one.in_sync === null ? w.unknown : one.in_sync ? w.inSync : w.behind}
        </span>
      ),
    },
    { id: 'lag', title: w.lagColumn, width: '7rem', right: true, cell: (one) => duration(one.lag_ms) },
    {
      id: 'jobs',
      title: w.jobs,
      width: 'minmax(8rem, 2fr)',
      narrow: 'wide',
      cell: (one) => (
        <span className={ui.list}>
          {one.jobs.map((job) => (
            <Link key={job} to={`/jobs/${encodeURIComponent(job)}`}>
              {job}
            </Link>
          ))}
        </span>
      ),
    },
  ]
  if (sources.length === 0) return <Empty title={w.noSources} />
  return <DataTable label={w.sources} columns={columns} rows={sources} rowKey={(one) => one.connection} linked />
}

/** Shown while somebody waits: why, and in which order. */
function Queue() {
  const w = useWords(words)
  const { data } = useQueueQuery(undefined, { pollingInterval: ASK_AGAIN_MS, skipPollingIfUnfocused: true })
  const columns: Column<QueueEntry>[] = [
    { id: 'position', title: w.queuePlace, width: '4rem', cell: (one) => one.position },
    {
      id: 'job',
      title: w.queueJob,
      width: 'minmax(8rem, 1fr)',
      main: true,
      cell: (one) => <Link to={`/runs/${one.run}`}>{one.job}</Link>,
    },
    { id: 'reason', title: w.queueWhy, width: 'minmax(10rem, 2fr)', narrow: 'wide', labelled: false, cell: (one) => <Told>{one.reason}</Told> },
  ]
  if (!data || data.length === 0) return null
  return (
    <Panel title={w.queue} flush>
      <DataTable label={w.queue} columns={columns} rows={data} rowKey={(one) => one.run} linked />
    </Panel>
  )
}
