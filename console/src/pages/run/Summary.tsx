// The numbers of a run, its bar, and the charts of its speed and lag.

import { SimpleGrid } from '@mantine/core'
import { useMemo } from 'react'
import { Link } from 'react-router'
import type { Run } from '@/api/types'
import { useAppSelector } from '@/app/store'
import { duration, remaining, share, short, useFormat } from '@/format'
import { emptyTrack } from '@/live/slice'
import { Chart } from '@/ui/Chart'
import { Bar, CopyValue, Facts, Panel, Stat, Stats, Time } from '@/ui/pieces'
import { Took } from '@/ui/runColumns'
import ui from '@/ui/ui.module.css'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { words } from './words'

const NONE = emptyTrack()

export function Summary({ run }: { run: Run }) {
  const w = useWords(words)
  const s = useWords(shared)
  const f = useFormat()
  const follows = run.mode === 'changes' || run.mode === 'full+changes'
  const rate = run.state === 'running' ? run.rows_per_second : null
  const left = run.state === 'running' ? remaining(run.rows_written, run.rows_estimated, rate) : null
  const part = share(run.rows_written, run.rows_estimated, run.state === 'finished')
  const facts: [string, React.ReactNode, 'wide'?][] = [
    [w.toJob, <Link key="job" to={`/jobs/${encodeURIComponent(run.job)}`}>{run.job}</Link>],
    [w.mode, run.mode ? s.modes[run.mode] : '–'],
    [w.trigger, run.trigger ? s.triggers[run.trigger] : '–'],
    [w.started, <Time key="began" at={run.started_at} as="stamp" />],
    [w.ended, <Time key="ended" at={run.ended_at} as="stamp" />],
    [w.version, run.job_version ?? '–'],
    [w.node, run.node ?? '–'],
    [w.epoch, run.epoch],
    [
      w.key,
      <span key="key" className={ui.route}>
        <span className="mono">{run.id}</span>
        <CopyValue value={run.id} />
      </span>,
      'wide',
    ],
  ]
  facts.push([w.source, <code key="source">{run.source}</code>, 'wide'], [w.target, <code key="target">{run.sink}</code>, 'wide'])
  if (run.position) facts.push([w.position, <span key="position" className="mono">{run.position}</span>, 'wide'])
  return (
    <>
      {run.mode !== 'changes' && !run.following && (
        <Bar part={part} label={w.progress} state={run.state} size="lg" />
      )}
      <Stats>
        <Stat label={w.written} value={<span title={f.whole(run.rows_written)}>{short(run.rows_written)}</span>} note={run.rows_estimated !== null && run.state !== 'finished' ? w.of(short(run.rows_estimated)) : undefined} />
        <Stat label={w.read} value={<span title={f.whole(run.rows_read)}>{short(run.rows_read)}</span>} />
        <Stat label={w.speed} value={short(rate)} unit={s.rowsPerSecond} />
        {follows ? <Stat label={w.lag} value={duration(run.lag_ms)} /> : <Stat label={w.left} value={duration(left)} />}
        <Stat label={w.took} value={<Took run={run} />} />
        <Stat label={w.dead} value={short(run.dead_letters)} to={run.dead_letters > 0 ? `/runs/${run.id}?tab=dead-letters` : undefined} tone={run.dead_letters > 0 ? 'waiting' : undefined} />
      </Stats>
      <Charts id={run.id} follows={follows} />
      <Panel>
        <Facts items={facts} />
      </Panel>
    </>
  )
}

function Charts({ id, follows }: { id: string; follows: boolean }) {
  const w = useWords(words)
  const samples = useAppSelector((state) => (state.live.runs[id] ?? NONE).samples)
  const times = useMemo(() => samples.map((one) => one.t), [samples])
  const speed = useMemo(
    () => [{ label: w.speedChart, color: '--sl-bar', values: samples.map((one) => one.rate), format: short }],
    [samples, w],
  )
  const lag = useMemo(
    () => [{ label: w.lagChart, color: '--sl-waiting', values: samples.map((one) => one.lag), format: duration }],
    [samples, w],
  )
  if (samples.length < 2) return null
  return (
    <SimpleGrid cols={{ base: 1, md: follows ? 2 : 1 }} spacing="md">
      <Panel title={w.speedChart}>
        <Chart label={w.speedChart} times={times} series={speed} />
      </Panel>
      {follows && (
        <Panel title={w.lagChart}>
          <Chart label={w.lagChart} times={times} series={lag} />
        </Panel>
      )}
    </SimpleGrid>
  )
}
