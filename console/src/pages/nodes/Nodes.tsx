import { useMemo } from 'react'
import { Link } from 'react-router'
import { useNodesQuery } from '@/api/admin'
import { useRunsInfiniteQuery } from '@/api/runs'
import type { NodeInfo } from '@/api/types'
import { bytes } from '@/format'
import { type Column, DataTable } from '@/ui/DataTable'
import { Empty, Loaded } from '@/ui/notes'
import { Elapsed, Page, Panel } from '@/ui/pieces'
import ui from '@/ui/ui.module.css'
import { defineWords, useWords } from '@/words'

const words = defineWords(
  {
    title: 'Nodes',
    name: 'Node',
    state: 'State',
    states: { ready: 'Ready' },
    version: 'Version',
    up: 'Up for',
    cpu: 'CPU',
    memory: 'Memory',
    slots: 'Slots',
    taken: (n: number, of: number) => `${n} of ${of}`,
    running: 'Running',
    none: 'No node has reported yet',
    of100: '100 % is one core',
  },
  {
    title: '节点',
    name: '节点',
    state: '状态',
    states: { ready: '就绪' },
    version: '版本',
    up: '已运行',
    cpu: 'CPU',
    memory: '内存',
    slots: '槽位',
    taken: (n: number, of: number) => `${n} / ${of}`,
    running: '运行中',
    none: '还没有节点上报',
    of100: '100 % 为一个核',
  },
)

const ASK_AGAIN_MS = 5_000
const WELL = new Set(['ready', 'running', 'up', 'alive', 'active', 'online'])
const RUNS_SHOWN = 6

export function Component() {
  const w = useWords(words)
  const query = useNodesQuery(undefined, { pollingInterval: ASK_AGAIN_MS, skipPollingIfUnfocused: true })
  const running = useRunsInfiniteQuery({ state: 'running,pausing,stopping,waiting' }, { pollingInterval: ASK_AGAIN_MS, skipPollingIfUnfocused: true })
  const jobs = useMemo(() => new Map(running.data?.pages.flatMap((page) => page.items.map((run) => [run.id, run.job]))), [running.data])
  const columns: Column<NodeInfo>[] = [
    { id: 'name', title: w.name, width: 'minmax(8rem, 1fr)', main: true, clip: true, cell: (node) => <strong>{node.name}</strong> },
    { id: 'state', title: w.state, width: '7rem', labelled: false, cell: (node) => <span className={ui.state} data-state={WELL.has(node.state) ? 'finished' : 'waiting'}>{(w.states as Record<string, string>)[node.state] ?? node.state}</span> },
    { id: 'version', title: w.version, width: '6rem', cell: (node) => node.version },
    { id: 'up', title: w.up, width: '7rem', cell: (node) => <Elapsed from={node.started_at} to={null} /> },
    { id: 'cpu', title: w.cpu, width: '6rem', right: true, cell: (node) => <span title={w.of100}>{node.cpu_percent === null ? '–' : `${node.cpu_percent.toFixed(0)} %`}</span> },
    { id: 'memory', title: w.memory, width: '6.5rem', right: true, cell: (node) => bytes(node.rss_bytes) },
    { id: 'slots', title: w.slots, width: '6rem', right: true, cell: (node) => w.taken(node.running.length, node.slots) },
    {
      id: 'running',
      title: w.running,
      width: 'minmax(9rem, 1.5fr)',
      narrow: 'wide',
      cell: (node) => (
        <span className={ui.list}>
          {node.running.slice(0, RUNS_SHOWN).map((run) => (
            <Link key={run} to={`/runs/${run}`} title={run}>
              {jobs.get(run) ?? run.slice(-8)}
            </Link>
          ))}
          {node.running.length > RUNS_SHOWN && <Link to="/runs?state=running">+{node.running.length - RUNS_SHOWN}</Link>}
        </span>
      ),
    },
  ]
  return (
    <Page title={w.title}>
      <Panel flush>
        <Loaded query={query} empty={(data) => data.length === 0 && <Empty title={w.none} />}>
          {(data) => <DataTable label={w.title} columns={columns} rows={data} rowKey={(node) => node.name} />}
        </Loaded>
      </Panel>
    </Page>
  )
}
