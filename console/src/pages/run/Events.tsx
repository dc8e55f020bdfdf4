// What happened to a run, newest first.

import { Button } from '@mantine/core'
import { useMemo } from 'react'
import { useOlderEventsMutation, useRunEventsQuery, useRunHistoryQuery } from '@/api/runs'
import type { Run, RunEvent, RunState } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { Empty, Loaded } from '@/ui/notes'
import { StateBadge, Time } from '@/ui/pieces'
import { Told } from '@/ui/Told'
import { useWords } from '@/words'
import classes from './run.module.css'
import { told } from './told'
import { words } from './words'

export function Events({ run }: { run: Run }) {
  const w = useWords(words)
  const events = useRunEventsQuery(run.id, { refetchOnMountOrArgChange: true })
  const [older, asked] = useOlderEventsMutation()
  const previous = events.data?.previous ?? null
  const history = useRunHistoryQuery(run.id)
  const rows = useMemo(
    () => (events.data ? told(events.data.items, history.data ?? []) : undefined),
    [events.data, history.data],
  )
  const columns: Column<RunEvent>[] = [
    { id: 'time', title: w.time, width: '8rem', labelled: false, cell: (event) => <Time at={event.at} /> },
    { id: 'event', title: w.event, width: '8rem', main: true, cell: (event) => nameOf(w.events, event.type) },
    { id: 'what', title: w.what, width: 'minmax(10rem, 1fr)', narrow: 'wide', labelled: false, cell: (event) => <What event={event} /> },
  ]
  return (
    <Loaded query={{ ...events, data: rows }} empty={(data) => data.length === 0 && <Empty title={w.noEvents} />}>
      {(data) => (
        <>
          <DataTable label={w.tabs.events} columns={columns} rows={data} rowKey={(event) => `${event.seq}${event.type}${event.at}`} virtual={data.length > 100} />
          {previous !== null && (
            <div className={classes.older}>
              <Button variant="subtle" size="compact-sm" loading={asked.isLoading} onClick={() => void older({ run: run.id, before: previous })}>
                {w.olderEvents}
              </Button>
            </div>
          )}
        </>
      )}
    </Loaded>
  )
}

function nameOf(names: Record<string, string>, type: string): string {
  return names[type] ?? type
}

const text = (value: unknown) => (typeof value === 'string' ? value : '')

function What({ event }: { event: RunEvent }) {
  if (event.type === 'state') {
    return (
      <>
        <StateBadge state={event.state as RunState} />
        {event.reason ? <span> <Told>{text(event.reason)}</Told></span> : null}
      </>
    )
  }
  return <Told>{text(event.message) || text(event.reason)}</Told>
}
