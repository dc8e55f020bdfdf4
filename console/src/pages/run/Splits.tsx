import { Select } from '@mantine/core'
import { useMemo, useState } from 'react'
import { useRunSplitsQuery } from '@/api/runs'
import type { Run, RunSplit } from '@/api/types'
import { short, useFormat } from '@/format'
import { type Column, DataTable } from '@/ui/DataTable'
import { Empty, Loaded } from '@/ui/notes'
import ui from '@/ui/ui.module.css'
import { useWords } from '@/words'
import { placeOf } from './place'
import { words } from './words'

/** Splits become durable one by one; a few seconds are soon enough. */
const ASK_AGAIN_MS = 3_000
const MOVING = new Set(['running', 'pausing', 'stopping'])

export function Splits({ run }: { run: Run }) {
  const w = useWords(words)
  const f = useFormat()
  const query = useRunSplitsQuery(run.id, { pollingInterval: MOVING.has(run.state) ? ASK_AGAIN_MS : 0 })
  const [table, setTable] = useState<string | null>(null)
  const tables = useMemo(() => [...new Set(query.data?.map((split) => split.table))], [query.data])
  const columns: Column<RunSplit>[] = [
    { id: 'table', title: w.target, width: 'minmax(8rem, 1fr)', main: true, clip: true, cell: (split) => split.table },
    { id: 'split', title: w.split, width: '4rem', right: true, cell: (split) => split.split },
    {
      id: 'state',
      title: w.state,
      width: '7rem',
      labelled: false,
      cell: (split) => (
        <span className={ui.state} data-state={split.done ? 'finished' : split.rows > 0 ? 'running' : 'created'}>
          {split.done ? w.done : w.open}
        </span>
      ),
    },
    { id: 'rows', title: w.rows, width: '6rem', right: true, cell: (split) => <span title={f.whole(split.rows)}>{short(split.rows)}</span> },
    { id: 'position', title: w.place, width: 'minmax(8rem, 2fr)', clip: true, narrow: 'wide', cell: (split) => (split.position ? <span className="mono" title={split.position}>{placeOf(split.position)}</span> : null) },
  ]
  return (
    <Loaded query={query} empty={(data) => data.length === 0 && <Empty title={w.noSplits} />}>
      {(data) => (
        <>
          {tables.length > 1 && (
            <Select
              aria-label={w.target}
              placeholder={w.allTables}
              clearable
              searchable
              data={tables}
              value={table}
              onChange={setTable}
              m="sm"
              maw={260}
            />
          )}
          <DataTable
            label={w.tabs.splits}
            columns={columns}
            rows={table ? data.filter((split) => split.table === table) : data}
            rowKey={(split) => `${split.table}/${split.split}`}
            virtual
          />
        </>
      )}
    </Loaded>
  )
}
