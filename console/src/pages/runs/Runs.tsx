// The history: every run, newest first, with filters; ten thousand of them scroll.

import { Button, Select, TextInput } from '@mantine/core'
import { useDebouncedCallback, useDebouncedValue } from '@mantine/hooks'
import { useCallback, useMemo, useState } from 'react'
import { Link, useSearchParams } from 'react-router'
import { useJobNamesQuery } from '@/api/jobs'
import { type RunFilter, useRunsInfiniteQuery } from '@/api/runs'
import type { RunState } from '@/api/types'
import { useFormat } from '@/format'
import { useLive } from '@/live'
import { DataTable } from '@/ui/DataTable'
import { Icon } from '@/ui/Icon'
import { Empty, ErrorNote, Loaded } from '@/ui/notes'
import { Page, Panel } from '@/ui/pieces'
import { ProjectFilter, useProjectNames } from '@/ui/project'
import { useRunColumns } from '@/ui/runColumns'
import ui from '@/ui/ui.module.css'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { dayEnd, dayOf, dayStart, filterOf, searchOf } from './filter'
import classes from './runs.module.css'
import { words } from './words'

const STATES: RunState[] = ['running', 'waiting', 'created', 'pausing', 'paused', 'stopping', 'failed', 'finished', 'stopped']
const TYPING_MS = 250

export function Component() {
  const w = useWords(words)
  const f = useFormat()
  const [search, setSearch] = useSearchParams()
  const filter = useMemo(() => filterOf(search), [search])
  useLive({ all: true })
  const query = useRunsInfiniteQuery(filter)
  const { hasNextPage, isFetchingNextPage, fetchNextPage, isFetchNextPageError, error } = query
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items), [query.data])
  const columns = useRunColumns()
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage])
  const filtered = Object.keys(filter).length > 0
  const change = useCallback(
    (changed: RunFilter) => setSearch(searchOf({ ...filterOf(new URLSearchParams(window.location.search)), ...changed }), { replace: true }),
    [setSearch],
  )
  return (
    <Page title={w.title} sub={rows && rows.length > 0 ? w.count(f.whole(rows.length), rows.length, hasNextPage) : undefined}>
      <Filters filter={filter} change={change} clear={() => setSearch(new URLSearchParams(), { replace: true })} />
      <Loaded
        query={{ data: rows, error: isFetchNextPageError ? undefined : error, refetch: query.refetch }}
        rows={12}
        empty={(data) =>
          data.length === 0 && (
            <Panel flush>
              <Empty
                title={filtered ? w.none : w.nothing}
                action={
                  filtered ? undefined : (
                    <Button component={Link} to="/jobs" variant="default">
                      {w.toJobs}
                    </Button>
                  )
                }
              >
                {filtered ? undefined : w.startJob}
              </Empty>
            </Panel>
          )
        }
      >
        {(data) => (
          <Panel flush>
            <DataTable label={w.title} columns={columns} rows={data} rowKey={(run) => run.id} linked virtual onEnd={more} />
          </Panel>
        )}
      </Loaded>
      {isFetchNextPageError && <ErrorNote error={error} onRetry={() => void fetchNextPage()} />}
      {isFetchingNextPage && (
        <div className={ui.sub} role="status">
          {w.loadingMore}
        </div>
      )}
    </Page>
  )
}

interface FiltersProps {
  filter: RunFilter
  change: (changed: RunFilter) => void
  clear: () => void
}

function Filters({ filter, change, clear }: FiltersProps) {
  const w = useWords(words)
  const s = useWords(shared)
  const [sought, setSought] = useState(filter.job ?? '')
  const [typed] = useDebouncedValue(sought === filter.job ? '' : sought, TYPING_MS)
  const { data: jobs } = useJobNamesQuery(typed)
  const projects = useProjectNames(filter.project)
  const [q, setQ] = useState(filter.q ?? '')
  const later = useDebouncedCallback((text: string) => change({ q: text }), TYPING_MS)
  const names = useMemo(() => {
    const all = new Set(jobs)
    if (filter.job) all.add(filter.job)
    return [...all].sort()
  }, [jobs, filter.job])
  return (
    <div className={classes.filters} data-projects={projects.length > 1 || undefined} role="search" aria-label={w.filters}>
      <TextInput
        data-search
        label={s.search}
        placeholder={w.search}
        leftSection={<Icon name="search" size={14} />}
        value={q}
        onChange={(event) => {
          setQ(event.currentTarget.value)
          later(event.currentTarget.value)
        }}
        className={classes.search}
      />
      <Select
        label={w.state}
        placeholder={w.anyState}
        clearable
        data={STATES.map((state) => ({ value: state, label: s.states[state] }))}
        value={filter.state ?? null}
        onChange={(state) => change({ state: state ?? '' })}
      />
      <Select
        label={w.job}
        placeholder={w.anyJob}
        clearable
        searchable
        searchValue={sought}
        onSearchChange={setSought}
        nothingFoundMessage={w.noJob}
        data={names}
        value={filter.job ?? null}
        onChange={(job) => change({ job: job ?? '' })}
      />
      <ProjectFilter label value={filter.project ?? ''} onChange={(project) => change({ project })} />
      <TextInput
        type="date"
        label={w.since}
        value={dayOf(filter.since)}
        onChange={(event) => change({ since: event.currentTarget.value && dayStart(event.currentTarget.value) })}
      />
      <TextInput
        type="date"
        label={w.until}
        value={dayOf(filter.until)}
        onChange={(event) => change({ until: event.currentTarget.value && dayEnd(event.currentTarget.value) })}
      />
      {Object.keys(filter).length > 0 && (
        <Button
          size="sm"
          variant="subtle"
          onClick={() => {
            setQ('')
            clear()
          }}
        >
          {w.clear}
        </Button>
      )}
    </div>
  )
}
