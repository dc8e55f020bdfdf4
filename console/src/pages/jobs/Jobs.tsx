// All jobs: what they move, how the last run went, when the next one starts.

import { ActionIcon, Button, Group, Select, TextInput, Tooltip } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useCallback, useMemo, useState } from 'react'
import { Link, useNavigate, useSearchParams } from 'react-router'
import { JOBS_A_PAGE, useJobsInfiniteQuery, useStartJobMutation } from '@/api/jobs'
import type { Job, RunState } from '@/api/types'
import { notice } from '@/app/notices'
import { ANYWHERE, may } from '@/app/session'
import { useAppDispatch, useAppSelector } from '@/app/store'
import { useFormat } from '@/format'
import { dropDraft, listDrafts, placeOfDraft } from '@/job/draft'
import { scheduleWords } from '@/job/schedule'
import { useLive } from '@/live'
import { type Column, DataTable } from '@/ui/DataTable'
import { Icon } from '@/ui/Icon'
import { Empty, ErrorNote, Loaded } from '@/ui/notes'
import { Do, Page, Panel, Route, StateBadge, Time, useMay } from '@/ui/pieces'
import { ProjectFilter } from '@/ui/project'
import { ProjectTag } from '@/ui/ProjectTag'
import ui from '@/ui/ui.module.css'
import { useWords } from '@/words'
import { useProblemLine } from '@/words/server'
import { shared } from '@/words/shared'
import classes from './jobs.module.css'
import { words } from './words'

const TYPING_MS = 250
const STATES: RunState[] = ['running', 'waiting', 'paused', 'failed', 'finished', 'stopped']

export function Component() {
  const w = useWords(words)
  const s = useWords(shared)
  const f = useFormat()
  const navigate = useNavigate()
  const dispatch = useAppDispatch()
  const [search, setSearch] = useSearchParams()
  const q = search.get('q') ?? ''
  const state = search.get('state') ?? ''
  const project = search.get('project') ?? ''
  const filter = useMemo(() => ({ ...(q && { q }), ...(state && { state }), ...(project && { project }) }), [q, state, project])
  const here = project && `?${new URLSearchParams({ project }).toString()}`
  const query = useJobsInfiniteQuery(filter, { refetchOnMountOrArgChange: 10 })
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage, error } = query
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items), [query.data])
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage])
  const [word, setWord] = useState(q)
  const [start] = useStartJobMutation()
  const me = useAppSelector((state) => state.session.user)
  useLive({ all: true })
  const set = (key: string, value: string) =>
    setSearch(
      (before) => {
        if (value === '') before.delete(key)
        else before.set(key, value)
        return before
      },
      { replace: true },
    )
  const later = useDebouncedCallback((text: string) => set('q', text.trim()), TYPING_MS)
  const lineOf = useProblemLine()
  const go = async (job: Job) => {
    try {
      const run = await start({ name: job.name }).unwrap()
      dispatch(notice(w.started(job.name)))
      await navigate(`/runs/${encodeURIComponent(run.id)}`)
    } catch (thrown) {
      dispatch(notice(lineOf(thrown), 'failed'))
    }
  }
  const columns: Column<Job>[] = [
    {
      id: 'name',
      title: s.name,
      width: 'minmax(9rem, 1.4fr)',
      main: true,
      clip: true,
      cell: (job) => (
        <>
          <Link to={`/jobs/${encodeURIComponent(job.name)}`}>{job.name}</Link>
          {project === '' && <ProjectTag of={job.project} />}
          {job.description && <div className={ui.about}>{job.description}</div>}
        </>
      ),
    },
    { id: 'route', title: w.route, width: 'minmax(8rem, 1.3fr)', clip: true, narrow: 'wide', labelled: false, cell: (job) => <Route from={job.source} to={job.sink} /> },
    { id: 'mode', title: w.mode, width: '7.5rem', labelled: false, cell: (job) => s.modes[job.mode] },
    {
      id: 'last',
      title: w.lastRun,
      width: '6.5rem',
      labelled: false,
      cell: (job) => (job.last_run ? <Link to={`/runs/${encodeURIComponent(job.last_run.id)}`} title={job.last_run.error ? `${job.last_run.error.code} ${job.last_run.error.message}` : undefined}><StateBadge state={job.last_run.state} /></Link> : <span className={ui.quiet}>{w.neverRan}</span>),
    },
    { id: 'when', title: '', width: '7rem', narrow: 'hide', cell: (job) => (job.last_run ? <Time at={job.last_run.ended_at ?? job.last_run.started_at ?? job.last_run.created_at} as="ago" /> : null) },
    {
      id: 'schedule',
      title: w.schedule,
      width: 'minmax(8rem, 1.2fr)',
      clip: true,
      narrow: 'wide',
      cell: (job) => {
        const said = scheduleWords(job.schedule, f.language)
        if (said === null) return <span className={ui.quiet}>{w.byHand}</span>
        return job.enabled ? <span title={said}>{said}</span> : <span className={ui.quiet} title={said}>{w.disabled} · {said}</span>
      },
    },
    { id: 'next', title: w.next, width: '7rem', cell: (job) => (job.enabled && job.next_start ? <Time at={job.next_start} as="ago" /> : null) },
    {
      id: s.actions,
      title: '',
      width: '2rem',
      right: true,
      narrow: 'corner',
      cell: (job) => {
        const mayStart = may(me, 'operator', job.project)
        return (
          <Tooltip label={mayStart ? w.start(job.name) : s.needsRole(s.roles.operator)}>
            <ActionIcon aria-label={w.start(job.name)} aria-disabled={!mayStart || undefined} data-disabled={!mayStart || undefined} onClick={() => mayStart && void go(job)}>
              <Icon name="play" size={14} />
            </ActionIcon>
          </Tooltip>
        )
      },
    },
  ]
  return (
    <Page
      title={w.title}
      sub={rows && rows.length > 0 ? w.count(f.whole(rows.length), rows.length, hasNextPage) : undefined}
      actions={
        <>
          <Do label={w.import} icon="upload" needs="editor" where={project || ANYWHERE} onClick={() => void navigate(`/jobs/import${here}`)} />
          <Do label={w.newJob} icon="plus" variant="filled" needs="editor" where={project || ANYWHERE} onClick={() => void navigate(`/jobs/new${here}`)} />
        </>
      }
    >
      <Drafts />
      <Group gap="xs">
        <TextInput
          data-search
          value={word}
          onChange={(e) => {
            setWord(e.currentTarget.value)
            later(e.currentTarget.value)
          }}
          placeholder={w.search}
          aria-label={w.search}
          leftSection={<Icon name="search" size={14} />}
          style={{ flex: '1 1 14rem', maxWidth: '26rem' }}
        />
        <Select
          value={state}
          onChange={(next) => set('state', next ?? '')}
          data={[{ value: '', label: w.anyState }, ...STATES.map((one) => ({ value: one, label: s.states[one] }))]}
          aria-label={w.states}
          w={150}
          allowDeselect={false}
        />
        <ProjectFilter value={project} onChange={(next) => set('project', next)} w={150} />
      </Group>
      <Panel flush>
        <Loaded
          query={{ data: rows, error: isFetchNextPageError ? undefined : error, refetch: query.refetch }}
          rows={8}
          empty={(jobs) =>
            jobs.length === 0 &&
            (q !== '' || state !== '' || project !== '' ? (
              <Empty title={w.nothing}>{w.nothingHint}</Empty>
            ) : (
              <Empty title={w.empty} action={<Do label={w.newJob} icon="plus" variant="filled" needs="editor" where={project || ANYWHERE} onClick={() => void navigate('/jobs/new')} />}>
                {w.emptyHint}
              </Empty>
            ))
          }
        >
          {(jobs) => <DataTable label={w.title} columns={columns} rows={jobs} rowKey={(job) => job.name} linked virtual={jobs.length >= JOBS_A_PAGE} onEnd={more} />}
        </Loaded>
      </Panel>
      {isFetchNextPageError && <ErrorNote error={error} onRetry={() => void fetchNextPage()} />}
    </Page>
  )
}

function Drafts() {
  const w = useWords(words)
  const mayEdit = useMay('editor', ANYWHERE)
  const [drafts, setDrafts] = useState(listDrafts)
  if (drafts.length === 0 || !mayEdit) return null
  return (
    <Panel title={w.drafts} flush>
      <ul className={classes.drafts}>
        {drafts.map((draft) => (
          <li key={draft.id}>
            <Icon name="edit" size={14} />
            <span className={classes.draftName}>
              {draft.base ? w.draftOf(draft.base.name) : draft.name || w.unnamed} <span className={ui.quiet}><Time at={draft.at} as="ago" /></span>
            </span>
            <Button component={Link} to={placeOfDraft(draft)} variant="default" size="compact-xs">
              {w.goOn}
            </Button>
            <Button
              variant="subtle"
              color="gray"
              size="compact-xs"
              onClick={() => {
                dropDraft(draft.id)
                setDrafts(listDrafts())
              }}
            >
              {w.discard}
            </Button>
          </li>
        ))}
      </ul>
    </Panel>
  )
}
