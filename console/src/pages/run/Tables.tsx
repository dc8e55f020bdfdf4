import type { Run, RunTable } from '@/api/types'
import { share, short, useFormat } from '@/format'
import { useAppSelector } from '@/app/store'
import type { TableTrack } from '@/live/slice'
import { type Column, DataTable } from '@/ui/DataTable'
import { Empty, Loaded } from '@/ui/notes'
import { Bar } from '@/ui/pieces'
import { useWords } from '@/words'
import { words } from './words'

export function Tables({ query, run }: { query: { data?: RunTable[]; error?: unknown; refetch: () => unknown }; run: Run }) {
  const w = useWords(words)
  const f = useFormat()
  const live = useAppSelector((state) => state.live.runs[run.id]?.tables)
  const follows = run.mode === 'changes' || run.mode === 'full+changes'
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
        const done = table.done ?? (table.splits > 0 && table.splits_done === table.splits)
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
    ...(follows ? [{ id: 'changes', title: w.changes, width: '6rem', right: true, cell: (table: RunTable) => short(table.changes) }] : []),
    { id: 'dead', title: w.dead, width: '5rem', right: true, cell: (table) => <span style={table.dead_letters > 0 ? { color: 'var(--sl-waiting)' } : undefined}>{short(table.dead_letters)}</span> },
  ]
  return (
    <Loaded query={query} empty={(data) => data.length === 0 && <Empty title={w.noTables} />}>
      {(data) => <DataTable label={w.tabs.tables} columns={columns} rows={data.map((table) => ahead(table, live?.[table.target]))} rowKey={(table) => table.target} virtual={data.length > 100} />}
    </Loaded>
  )
}

/** A table with what was heard live, which the database does not have as durable yet. */
function ahead(table: RunTable, live: TableTrack | undefined): RunTable {
  if (!live) return table
  return {
    ...table,
    rows_read: Math.max(table.rows_read, live.rows_read),
    rows_written: Math.max(table.rows_written, live.rows_written),
    dead_letters: Math.max(table.dead_letters, live.dead_letters),
  }
}
