// Columns of runs, wherever runs are listed.

import { useMemo } from 'react'
import { Link } from 'react-router'
import type { Run } from '@/api/types'
import { useAppSelector } from '@/app/store'
import { duration, place, share, short, useFormat } from '@/format'
import { lately } from '@/live/samples'
import { useWords } from '@/words'
import { useServerWords } from '@/words/server'
import { shared } from '@/words/shared'
import type { Column } from './DataTable'
import { Bar, Elapsed, Route, StateBadge, Time } from './pieces'
import { ProjectTag } from './ProjectTag'
import { runWords } from './runWords'

export function useRunColumns({ withJob = true }: { withJob?: boolean } = {}): Column<Run>[] {
  const w = useWords(runWords)
  const s = useWords(shared)
  const f = useFormat()
  return useMemo(() => columnsOf(w, s, f, withJob), [w, s, f, withJob])
}

function columnsOf(
  w: ReturnType<typeof useWords<(typeof runWords)['en']>>,
  s: ReturnType<typeof useWords<(typeof shared)['en']>>,
  f: ReturnType<typeof useFormat>,
  withJob: boolean,
): Column<Run>[] {
  return [
    {
      id: 'job',
      title: withJob ? w.job : w.run,
      width: 'minmax(8rem, 1.5fr)',
      main: true,
      clip: true,
      cell: (run) => (
        <>
          <Link to={`/runs/${run.id}`} title={run.id}>
            {withJob ? run.job : <span className="mono">{run.id.slice(-12)}</span>}
          </Link>
          {withJob && <ProjectTag of={run.project} />}
        </>
      ),
    },
    {
      id: 'state',
      title: w.state,
      width: '5.6rem',
      labelled: false,
      cell: (run) => <StateBadge state={run.state} />,
    },
    {
      id: 'progress',
      title: w.progress,
      width: 'minmax(8rem, 1.5fr)',
      narrow: 'wide',
      labelled: false,
      cell: (run) => <Going run={run} />,
    },
    {
      id: 'rows',
      title: w.rows,
      width: '3.6rem',
      right: true,
      cell: (run) => <span title={f.whole(run.rows_written)}>{short(run.rows_written)}</span>,
    },
    {
      id: 'speed',
      title: s.rowsPerSecond,
      width: '3.6rem',
      right: true,
      cell: (run) => (run.state === 'running' ? <Rate run={run} /> : '–'),
    },
    {
      id: 'dead',
      title: w.dead,
      width: '5rem',
      right: true,
      cell: (run) =>
        run.dead_letters > 0 ? (
          <Link to={`/runs/${run.id}?tab=dead-letters`} style={{ color: 'var(--sl-waiting)' }}>
            {short(run.dead_letters)}
          </Link>
        ) : (
          <span>0</span>
        ),
    },
    {
      id: 'route',
      title: w.route,
      width: 'minmax(7rem, 1.5fr)',
      narrow: 'wide',
      clip: true,
      labelled: false,
      cell: (run) => <RunRoute run={run} />,
    },
    {
      id: 'started',
      title: w.started,
      width: '6.2rem',
      cell: (run) => <Time at={run.started_at ?? run.created_at} />,
    },
    {
      id: 'took',
      title: w.took,
      width: '4.5rem',
      right: true,
      cell: (run) => <Took run={run} />,
    },
  ]
}

const MOVING = new Set(['running', 'pausing', 'stopping', 'waiting'])

/** How fast lately: rows come in large pieces, and between two of them none. */
function Rate({ run }: { run: Run }) {
  const samples = useAppSelector((state) => state.live.runs[run.id]?.samples)
  return <>{short((samples && lately(samples)) ?? run.rows_per_second)}</>
}

/** From its start to its end, or to now while it moves; at rest in between there is no such time. */
export function Took({ run }: { run: Run }) {
  return <Elapsed from={run.ended_at || MOVING.has(run.state) ? run.started_at : null} to={run.ended_at} />
}

/** From where to where, by the names that people gave; the addresses on demand. */
export function RunRoute({ run }: { run: Run }) {
  return (
    <span title={`${run.source} → ${run.sink}`}>
      <Route from={run.source_connection ?? place(run.source)} to={run.sink_connection ?? place(run.sink)} />
    </span>
  )
}

/** How far a run is, or why it is not going on. */
function Going({ run }: { run: Run }) {
  const w = useWords(runWords)
  const says = useServerWords()
  if (run.state === 'failed') {
    const { error } = run
    const words = error ? `${error.code} ${error.message}` : (run.reason ?? '')
    const named = error && says.title(error.code)
    return <Cut text={named ? `${error.code} ${named}` : says.tell(words)} title={words} tone="failed" />
  }
  if ((run.state === 'waiting' || run.state === 'created') && (run.reason ?? run.waits_for)) {
    const words = run.waits_for ?? run.reason ?? ''
    return <Cut text={says.tell(words)} title={words} tone="waiting" />
  }
  if (run.following && run.state === 'running') {
    const { lag_ms: lag } = run
    return <span>{lag === null || lag === undefined ? w.follows : w.lag(duration(lag))}</span>
  }
  return <Bar part={share(run.rows_written, run.rows_estimated, run.state === 'finished')} label={w.progressOf(run.job)} state={run.state} />
}

function Cut({ text, title, tone }: { text: string; title: string; tone: string }) {
  return (
    <div
      title={title}
      style={{ overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap', color: `var(--sl-${tone})` }}
    >
      {text}
    </div>
  )
}
