// Projects: groups of jobs, and how many of their runs may be at work at the same time.

import { Button, Group, Menu, Text } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'react-router'
import { useDeleteProjectMutation, useProjectsQuery } from '@/api/projects'
import type { Project } from '@/api/types'
import { notice } from '@/app/notices'
import { useAppDispatch } from '@/app/store'
import { useFormat } from '@/format'
import { type Column, DataTable } from '@/ui/DataTable'
import { Icon } from '@/ui/Icon'
import { Empty, Loaded } from '@/ui/notes'
import { Confirm, Dialog, Do, More, Page, Panel, Time, useMay } from '@/ui/pieces'
import { DEFAULT_PROJECT } from '@/ui/ProjectTag'
import ui from '@/ui/ui.module.css'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { Members } from './Members'
import { ProjectForm } from './ProjectForm'
import { words } from './words'

const of = (page: string, project: string) => `/${page}?${new URLSearchParams({ project }).toString()}`

/** What is asked, and of which project: by name, as what is known of it may change meanwhile. */
type Asked = { what: 'edit' | 'members' | 'delete'; name: string; round: number } | null

export function Component() {
  const w = useWords(words)
  const s = useWords(shared)
  const f = useFormat()
  const dispatch = useAppDispatch()
  const query = useProjectsQuery(undefined, { refetchOnMountOrArgChange: true })
  const [remove] = useDeleteProjectMutation()
  const [adding, setAdding] = useState(false)
  const [asked, setAsked] = useState<Asked>(null)
  const isAdmin = useMay('admin')
  const close = () => setAsked(null)
  const subject = asked && query.data?.find((one) => one.name === asked.name)
  const columns: Column<Project>[] = [
    {
      id: 'name',
      title: s.name,
      width: 'minmax(10rem, 2fr)',
      main: true,
      clip: true,
      cell: (one) => {
        const about = one.description || (one.name === DEFAULT_PROJECT ? w.standard : '')
        return (
          <>
            <Link to={of('jobs', one.name)} title={w.jobsOf(one.name)}>
              {one.name}
            </Link>
            {about && (
              <div className={ui.about} title={about}>
                {about}
              </div>
            )}
          </>
        )
      },
    },
    { id: 'jobs', title: w.jobs, width: '5rem', right: true, cell: (one) => f.whole(one.jobs) },
    { id: 'limit', title: w.limit, width: '10rem', right: true, cell: (one) => (one.max_running ? f.whole(one.max_running) : <span className={ui.quiet}>{w.noLimit}</span>) },
    {
      id: 'changed',
      title: w.changed,
      width: 'minmax(9rem, 1fr)',
      clip: true,
      cell: (one) => (
        <>
          <Time at={one.updated_at} as="ago" />
          {one.updated_by && <span className={ui.quiet}> {w.by(one.updated_by)}</span>}
        </>
      ),
    },
    { id: w.runs, title: '', width: '4rem', cell: (one) => <Link to={of('runs', one.name)} aria-label={w.runsOf(one.name)}>{w.runs}</Link> },
    {
      id: s.actions,
      title: '',
      width: '2.5rem',
      right: true,
      narrow: 'corner',
      cell: (one) => (
        <More label={w.more(one.name)}>
          <Menu.Item leftSection={<Icon name="edit" size={14} />} disabled={!isAdmin} onClick={() => setAsked({ what: 'edit', name: one.name, round: 0 })}>
            {s.edit}
          </Menu.Item>
          <Menu.Item leftSection={<Icon name="users" size={14} />} disabled={!isAdmin} onClick={() => setAsked({ what: 'members', name: one.name, round: 0 })}>
            {w.members}
          </Menu.Item>
          <Menu.Item leftSection={<Icon name="trash" size={14} />} color="red" disabled={!isAdmin || one.name === DEFAULT_PROJECT} onClick={() => setAsked({ what: 'delete', name: one.name, round: 0 })}>
            {s.delete}
          </Menu.Item>
        </More>
      ),
    },
  ]
  const reload = async () => {
    await query.refetch()
    setAsked((before) => before && { ...before, round: before.round + 1 })
  }
  return (
    <Page title={w.title} sub={w.intro} actions={<Do label={w.new} icon="plus" variant="filled" needs="admin" onClick={() => setAdding(true)} />}>
      <Panel flush>
        <Loaded query={query} rows={4} empty={(data) => data.length === 0 && <Empty title={w.none}>{w.noneHint}</Empty>}>
          {(data) => <DataTable label={w.title} columns={columns} rows={data} rowKey={(one) => one.name} linked virtual={data.length > 100} />}
        </Loaded>
      </Panel>
      <Dialog opened={adding} onClose={() => setAdding(false)} title={w.new}>
        <ProjectForm onDone={() => setAdding(false)} />
      </Dialog>
      <Dialog opened={asked?.what === 'edit' && Boolean(subject)} onClose={close} title={w.edit(asked?.name ?? '')}>
        {subject && asked && <Edited key={`${asked.name} ${asked.round}`} project={subject} onDone={close} onReload={() => void reload()} />}
      </Dialog>
      <Dialog opened={asked?.what === 'members'} onClose={close} title={w.membersOf(asked?.name ?? '')}>
        {asked?.what === 'members' && <Members project={asked.name} />}
      </Dialog>
      <Dialog opened={asked?.what === 'delete' && Boolean(subject?.jobs)} onClose={close} title={w.inUse(asked?.name ?? '')}>
        <Text size="sm">{w.inUseText(subject?.jobs ?? 0)}</Text>
        <Group justify="flex-end" mt="md" gap="xs">
          <Button variant="default" onClick={close} data-autofocus>
            {s.close}
          </Button>
          <Button component={Link} to={of('jobs', asked?.name ?? '')}>
            {w.showJobs}
          </Button>
        </Group>
      </Dialog>
      <Confirm
        opened={asked?.what === 'delete' && subject?.jobs === 0}
        onClose={close}
        title={w.confirmDelete(asked?.name ?? '')}
        verb={s.delete}
        danger
        onConfirm={async () => {
          if (!subject) return
          await remove({ name: subject.name, version: subject.version }).unwrap()
          dispatch(notice(w.deleted(subject.name)))
        }}
      >
        {w.confirmDeleteText}
      </Confirm>
    </Page>
  )
}

/** Holds on to the version it began with: a later one is somebody else's work. */
function Edited({ project, onDone, onReload }: { project: Project; onDone: () => void; onReload: () => void }) {
  const [began] = useState(project)
  return <ProjectForm project={began} onDone={onDone} onReload={onReload} />
}
