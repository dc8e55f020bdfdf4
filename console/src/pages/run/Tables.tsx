import type { Run, RunTable } from '@/api/types'
import { share, short, useFormat } from '@/format'
import { type Column, DataTable } from '@/ui/DataTable'
import { Empty, Loaded } from '@/ui/notes'
import { Bar } from '@/ui/pieces'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { words } from './words'

export function Tables({ query, run }: { query: { data?: RunTable[]; error?: unknown; refetch: () => unknown }; run: Run }) {
  const w = useWords(words)
  const s = useWords(shared)
  const f = useFormat()
  const columns: Column<RunTable>[] = [
    { id: 'source', title: w.source, width: 'minmax(7rem, 1fr)', main: true, clip: true, cell: (table) => <span title={table.source}>{table.source}</span> },
    { id: 'target', title: w.target, width: 'minmax(7rem, 1fr)', clip: true, cell: (table) => <span title={table.target}>{table.target}</span> },
    {
      id: 'progress',
      title: w.progressColumn,
      width: 'minmax(8rem, 1.4fr)',
      narrow: 'wide',
      labelled: false,
      cell: (table) => {
        const done = table.splits > 0 && table.splits_done === table.splits
        return (
          <Bar
            part={share(table.rows_written, table.rows_estimated, done)}
            label={w.tableProgress(table.target)}
            state={done ? 'finished' : run.state}
          />
        )
      },
    },
    { id: 'splits', title: w.splits, width: '5rem', right: true, cell: (table) => w.splitsDone(table.splits_done, table.splits) },
    { id: 'rows', title: w.rows, width: '6rem', right: true, cell: (table) => <span title={`${f.whole(table.rows_written)} / ${f.whole(table.rows_estimated)}`}>{short(table.rows_written)}</span> },
    { id: 'speed', title: s.rowsPerSecond, width: '5rem', right: true, cell: (table) => (run.state === 'running' && table.splits_done < table.splits ? short(table.rows_per_second) : '–') },
    { id: 'dead', title: w.dead, width: '5rem', right: true, cell: (table) => <span style={table.dead_letters > 0 ? { color: 'var(--sl-waiting)' } : undefined}>{short(table.dead_letters)}</span> },
  ]
  return (
    <Loaded query={query} empty={(data) => data.length === 0 && <Empty title={w.noTables} />}>
      {(data) => <DataTable label={w.tabs.tables} columns={columns} rows={data} rowKey={(table) => table.target} />}
    </Loaded>
  )
}
