// The numbers of a run, its bar, and the charts of its speed and lag.

import { SimpleGrid } from '@mantine/core'
import { useMemo } from 'react'
import { Link } from 'react-router'
import { useRunSamplesQuery } from '@/api/runs'
import type { Run } from '@/api/types'
import { useAppSelector } from '@/app/store'
import { duration, remaining, share, short, useFormat } from '@/format'
import { joined, lately } from '@/live/samples'
import { emptyTrack, type Sample } from '@/live/slice'
import { Chart, type Series } from '@/ui/Chart'
import { Bar, CopyValue, Facts, Panel, Stat, Stats, Time } from '@/ui/pieces'
import { Took } from '@/ui/runColumns'
import ui from '@/ui/ui.module.css'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { words } from './words'

const NONE = emptyTrack()
const MOVING = new Set(['running', 'pausing', 'stopping'])

export function Summary({ run }: { run: Run }) {
  const w = useWords(words)
  const s = useWords(shared)
  const f = useFormat()
  const follows = run.mode === 'changes' || run.mode === 'full+changes'
  const samples = useSamples(run.id)
  // At work it is how fast lately, after its end how fast on the whole.
  const rate = run.state === 'running' ? (lately(samples) ?? run.rows_per_second) : run.ended_at ? run.rows_per_second : null
  const left = run.state === 'running' ? remaining(run.rows_written, run.rows_estimated, rate) : null
  const part = share(run.rows_written, run.rows_estimated, run.state === 'finished')
  const facts: [string, React.ReactNode, 'wide'?][] = [
    [w.source, <Place key="source" connection={run.source_connection} address={run.source} />, 'wide'],
    [w.target, <Place key="target" connection={run.sink_connection} address={run.sink} />, 'wide'],
    [
      w.key,
      <span key="key" className={ui.route}>
        <span className="mono">{run.id}</span>
        <CopyValue value={run.id} />
      </span>,
      'wide',
    ],
    [w.toJob, <Link key="job" to={`/jobs/${encodeURIComponent(run.job)}`}>{run.job}</Link>],
    [s.project, <Link key="project" to={`/runs?${new URLSearchParams({ project: run.project }).toString()}`}>{run.project}</Link>],
    [w.mode, run.mode ? s.modes[run.mode] : '–'],
    [w.trigger, run.trigger ? s.triggers[run.trigger] : '–'],
    [w.started, <Time key="began" at={run.started_at} as="stamp" />],
    [w.ended, <Time key="ended" at={run.ended_at} as="stamp" />],
    [w.version, run.job_version ?? '–'],
    [w.node, run.node ?? '–'],
    [w.epoch, run.epoch],
    [w.cpu, duration(run.cpu_ms || null)],
  ]
  if (run.position) facts.push([w.position, <span key="position" className="mono">{run.position}</span>, 'wide'])
  return (
    <>
      {run.mode !== 'changes' && !run.following && (
        <Bar part={part} label={w.progress} state={run.state} size="lg" />
      )}
      <Stats>
        <Stat label={w.written} value={<span title={f.whole(run.rows_written)}>{short(run.rows_written)}</span>} note={run.rows_estimated !== null && run.state !== 'finished' ? w.of(short(run.rows_estimated)) : undefined} />
        <Stat label={w.read} value={<span title={f.whole(run.rows_read)}>{short(run.rows_read)}</span>} />
        <Stat label={w.speed} value={short(rate)} unit={rate === null ? undefined : s.rowsPerSecond} note={rate !== null && run.ended_at ? w.onAverage : undefined} />
        {run.ended_at ? <Stat label={w.ended} value={<span className={ui.statText}>{f.ago(run.ended_at)}</span>} /> : follows ? <Stat label={w.lag} value={duration(run.lag_ms)} /> : <Stat label={w.left} value={duration(left)} />}
        <Stat label={w.took} value={<Took run={run} />} />
        <Stat label={w.dead} value={short(run.dead_letters)} to={run.dead_letters > 0 ? `/runs/${run.id}?tab=dead-letters` : undefined} tone={run.dead_letters > 0 ? 'waiting' : undefined} />
      </Stats>
      <Charts samples={samples} follows={follows} moves={MOVING.has(run.state)} />
      <Panel>
        <Facts items={facts} />
      </Panel>
    </>
  )
}

/** A store by the name that people gave it, with its address; without one, the address. */
function Place({ connection, address }: { connection?: string | null; address: string }) {
  if (!connection) return <code>{address}</code>
  return (
    <>
      <Link to={`/connections/${encodeURIComponent(connection)}`}>{connection}</Link>
      <br />
      <code className={ui.sub}>{address}</code>
    </>
  )
}

/** The last minutes of a run: what was before this window looked, or while it was away, the server has. */
function useSamples(id: string): Sample[] {
  const live = useAppSelector((state) => (state.live.runs[id] ?? NONE).samples)
  const { data: before } = useRunSamplesQuery(id, { refetchOnMountOrArgChange: true })
  return useMemo(() => joined(before, live), [before, live])
}

function Charts({ samples, follows, moves }: { samples: Sample[]; follows: boolean; moves: boolean }) {
  const w = useWords(words)
  const times = useMemo(() => samples.map((one) => one.t), [samples])
  const speed = useMemo(
    () => [{ label: w.speedChart, color: '--sl-bar', values: samples.map((one) => one.rate), format: short }],
    [samples, w],
  )
  const lag = useMemo(
    () => [{ label: w.lagChart, color: '--sl-waiting', values: samples.map((one) => one.lag), format: duration }],
    [samples, w],
  )
  const drawn = samples.length > 1
  // Of a run that has ended without a row there is nothing to draw.
  const flat = samples.every((one) => !one.rate && !one.lag)
  if (!moves && (!drawn || flat)) return null
  const chart = (label: string, series: Series[]) => (
    <Panel title={label}>
      {drawn ? <Chart label={label} times={times} series={series} /> : <div className={ui.noChart}>{w.noSamples}</div>}
    </Panel>
  )
  return (
    <SimpleGrid cols={{ base: 1, md: follows ? 2 : 1 }} spacing="md">
      {chart(w.speedChart, speed)}
      {follows && chart(w.lagChart, lag)}
    </SimpleGrid>
  )
}
