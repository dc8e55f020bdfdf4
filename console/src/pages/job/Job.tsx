// One job: how its runs went, what it is and was, what it would do.

import { Button, Group, Menu, NumberInput, Stack, Switch, Tabs, TagsInput, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Link, useNavigate, useParams, useSearchParams } from 'react-router'
import { useCloneJobMutation, useDeleteJobMutation, useJobQuery, useLazyExportJobQuery, useStartJobMutation, useUpdateJobMutation, useVerifyJobMutation } from '@/api/jobs'
import { asProblem } from '@/api/problem'
import type { Job } from '@/api/types'
import { notice } from '@/app/notices'
import { useAppDispatch } from '@/app/store'
import { useFormat } from '@/format'
import { words as shellWords } from '@/layout/words'
import { scheduleWords } from '@/job/schedule'
import { useLive } from '@/live'
import { Icon } from '@/ui/Icon'
import { ErrorNote, Loaded } from '@/ui/notes'
import { Confirm, CopyValue, Dialog, Do, Facts, Page, Panel, Route, StateBadge, Time, useMay } from '@/ui/pieces'
import { useWords } from '@/words'
import { useProblemLine } from '@/words/server'
import { shared } from '@/words/shared'
import { Editor } from '@/yaml/Editor'
import { JobRuns } from './JobRuns'
import { JobVerifications } from './JobVerifications'
import { PlanTab } from './PlanTab'
import { Versions } from './Versions'
import { words } from './words'

const TABS = ['runs', 'versions', 'plan', 'yaml', 'verifications'] as const

export function Component() {
  const { name = '' } = useParams()
  const query = useJobQuery(name, { refetchOnMountOrArgChange: 5 })
  useLive({ job: name })
  const shell = useWords(shellWords)
  if (query.data) return <Shown key={query.data.name} job={query.data} refetch={() => void query.refetch()} />
  return (
    <Page title={name} crumbs={[{ to: '/jobs', title: shell.pages.jobs }]}>
      <Loaded query={query}>{() => null}</Loaded>
    </Page>
  )
}

type Asked = 'clone' | 'verify' | 'delete' | 'fresh' | null

function Shown({ job, refetch }: { job: Job; refetch: () => void }) {
  const w = useWords(words)
  const s = useWords(shared)
  const shell = useWords(shellWords)
  const f = useFormat()
  const navigate = useNavigate()
  const dispatch = useAppDispatch()
  const [search, setSearch] = useSearchParams()
  const asked = search.get('tab')
  const tab = TABS.find((one) => one === asked) ?? 'runs'
  const [dialog, setDialog] = useState<Asked>(null)
  const [start, { isLoading: starting }] = useStartJobMutation()
  const [remove] = useDeleteJobMutation()
  const [update, { isLoading: updating }] = useUpdateJobMutation()
  const [fetchYaml] = useLazyExportJobQuery()
  const mayEdit = useMay('editor', job.project)
  const mayOperate = useMay('operator', job.project)
  const here = `/jobs/${encodeURIComponent(job.name)}`
  const lineOf = useProblemLine()
  const fail = (thrown: unknown) => {
    const problem = asProblem(thrown)
    if (problem.status === 412) {
      refetch()
      dispatch(notice(w.conflict, 'failed'))
    } else dispatch(notice(lineOf(thrown), 'failed'))
  }
  const go = async (fresh: boolean) => {
    const run = await start({ name: job.name, fresh }).unwrap()
    dispatch(notice(w.started(job.name)))
    await navigate(`/runs/${encodeURIComponent(run.id)}`)
  }
  const download = async () => {
    try {
      const text = await fetchYaml(job.name).unwrap()
      const url = URL.createObjectURL(new Blob([text], { type: 'application/yaml' }))
      Object.assign(document.createElement('a'), { href: url, download: `${job.name}.yaml` }).click()
      URL.revokeObjectURL(url)
    } catch (thrown) {
      fail(thrown)
    }
  }
  const said = scheduleWords(job.schedule, f.language)
  return (
    <Page
      title={job.name}
      crumbs={[{ to: '/jobs', title: shell.pages.jobs }]}
      badge={job.last_run && <StateBadge state={job.last_run.state} />}
      sub={job.description || undefined}
      actions={
        <>
          <Do label={w.start} icon="play" variant="filled" needs="operator" where={job.project} loading={starting} onClick={() => void go(false).catch(fail)} />
          <Do label={s.edit} icon="edit" needs="editor" where={job.project} onClick={() => void navigate(`${here}/edit`)} />
          <Do label={w.verify} icon="verify" needs="operator" where={job.project} onClick={() => setDialog('verify')} />
          <Menu position="bottom-end" width={220} shadow="md">
            <Menu.Target>
              <Button variant="default" rightSection={<Icon name="down" size={12} />}>
                {w.more}
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item leftSection={<Icon name="restart" size={14} />} disabled={!mayOperate} onClick={() => setDialog('fresh')}>
                {w.startFresh}
              </Menu.Item>
              <Menu.Item leftSection={<Icon name="copy" size={14} />} disabled={!mayEdit} onClick={() => setDialog('clone')}>
                {w.clone}
              </Menu.Item>
              <Menu.Item leftSection={<Icon name="download" size={14} />} onClick={() => void download()}>
                {w.export}
              </Menu.Item>
              <Menu.Divider />
              <Menu.Item leftSection={<Icon name="trash" size={14} />} color="red" disabled={!mayEdit} onClick={() => setDialog('delete')}>
                {s.delete}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </>
      }
    >
      <Panel>
        <Facts
          items={[
            [`${w.source} → ${w.sink}`, <Route key="route" from={job.source} to={job.sink} />],
            [w.mode, s.modes[job.mode]],
            [s.project, <Link key="project" to={`/jobs?${new URLSearchParams({ project: job.project }).toString()}`}>{job.project}</Link>],
            [
              w.schedule,
              said === null ? (
                w.byHand
              ) : (
                <Group key="schedule" gap="xs" wrap="nowrap" align="flex-start">
                  <Switch
                    size="xs"
                    checked={job.enabled}
                    disabled={!mayEdit || updating}
                    onChange={(e) => {
                      const enabled = e.currentTarget.checked
                      update({ job: { name: job.name, yaml: job.yaml, enabled }, version: job.version }).unwrap().catch(fail)
                    }}
                    aria-label={job.enabled ? w.disable : w.enable}
                  />
                  <span>{said}</span>
                </Group>
              ),
              said === null ? undefined : 'wide',
            ],
            [w.next, job.enabled && job.next_start ? <Time key="next" at={job.next_start} as="ago" /> : said !== null && !job.enabled ? w.off : '–'],
            [w.priority, String(job.priority ?? 0)],
            [w.updated, <span key="updated">{job.updated_at && <Time at={job.updated_at} />} · {w.versionN(job.version)}</span>],
          ]}
        />
      </Panel>
      <Tabs value={tab} onChange={(next) => setSearch(next === null || next === 'runs' ? {} : { tab: next }, { replace: true })} keepMounted={false}>
        <Tabs.List mb="md">
          {TABS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {w.tabs[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="runs">
          <JobRuns job={job} />
        </Tabs.Panel>
        <Tabs.Panel value="versions">
          <Versions job={job} />
        </Tabs.Panel>
        <Tabs.Panel value="plan">
          <PlanTab name={job.name} />
        </Tabs.Panel>
        <Tabs.Panel value="yaml">
          <Panel title={`${job.name}.yaml`} aside={<CopyValue value={job.yaml} />} flush>
            <Editor value={job.yaml} label={`${job.name}.yaml`} height="60vh" />
          </Panel>
        </Tabs.Panel>
        <Tabs.Panel value="verifications">
          <JobVerifications name={job.name} project={job.project} onVerify={() => setDialog('verify')} />
        </Tabs.Panel>
      </Tabs>
      <Confirm opened={dialog === 'fresh'} onClose={() => setDialog(null)} title={w.startFresh} verb={w.start} onConfirm={() => go(true)}>
        {w.startFreshHint}
      </Confirm>
      <Confirm
        opened={dialog === 'delete'}
        onClose={() => setDialog(null)}
        title={w.deleteTitle(job.name)}
        verb={s.delete}
        danger
        onConfirm={async () => {
          await remove({ name: job.name, version: job.version }).unwrap()
          dispatch(notice(w.deleted(job.name)))
          await navigate('/jobs')
        }}
      >
        {w.deleteHint}
      </Confirm>
      <Clone job={job} opened={dialog === 'clone'} onClose={() => setDialog(null)} />
      <Verify job={job} opened={dialog === 'verify'} onClose={() => setDialog(null)} />
    </Page>
  )
}

interface DialogProps {
  job: Job
  opened: boolean
  onClose: () => void
}

function Clone({ job, opened, onClose }: DialogProps) {
  const w = useWords(words)
  const s = useWords(shared)
  const dispatch = useAppDispatch()
  const navigate = useNavigate()
  const [name, setName] = useState(`${job.name}-2`)
  const [clone, { isLoading, error, reset }] = useCloneJobMutation()
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const made = await clone({ name: job.name, as: name }).unwrap()
    dispatch(notice(w.cloned(made.name)))
    onClose()
    await navigate(`/jobs/${encodeURIComponent(made.name)}`)
  }
  return (
    <Dialog
      opened={opened}
      onClose={() => {
        reset()
        onClose()
      }}
      title={w.cloneTitle(job.name)}
    >
      <form onSubmit={(event) => void submit(event).catch(() => null)}>
        <Stack gap="sm">
          <TextInput label={w.cloneName} description={w.cloneHint} value={name} onChange={(e) => setName(e.currentTarget.value)} data-autofocus spellCheck={false} />
          {error && <ErrorNote error={error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {s.cancel}
            </Button>
            <Button type="submit" loading={isLoading} disabled={name.trim() === ''}>
              {w.clone}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}

function Verify({ job, opened, onClose }: DialogProps) {
  const w = useWords(words)
  const s = useWords(shared)
  const navigate = useNavigate()
  const [percent, setPercent] = useState<number | string>('')
  const [tables, setTables] = useState<string[]>([])
  const [verify, { isLoading, error, reset }] = useVerifyJobMutation()
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const sample = typeof percent === 'number' && percent < 100 ? percent : undefined
    const made = await verify({ name: job.name, ...(sample === undefined ? {} : { sample }), ...(tables.length > 0 ? { tables } : {}) }).unwrap()
    onClose()
    await navigate(`/verifications/${encodeURIComponent(made.id)}`)
  }
  return (
    <Dialog
      opened={opened}
      onClose={() => {
        reset()
        onClose()
      }}
      title={w.verifyTitle(job.name)}
    >
      <form onSubmit={(event) => void submit(event).catch(() => null)}>
        <Stack gap="sm">
          <p style={{ margin: 0 }}>{w.verifyHint}</p>
          <NumberInput label={w.verifySample} value={percent} onChange={setPercent} min={0.001} max={100} decimalScale={3} suffix=" %" placeholder={w.verifyAll} data-autofocus />
          <TagsInput label={w.verifyTables} description={w.verifyTablesHint} value={tables} onChange={setTables} acceptValueOnBlur />
          {error && <ErrorNote error={error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {s.cancel}
            </Button>
            <Button type="submit" loading={isLoading}>
              {w.verify}
            </Button>
          </Group>
          <Link to="/verifications" style={{ fontSize: 'var(--mantine-font-size-sm)' }}>
            {w.verifications}
          </Link>
        </Stack>
      </form>
    </Dialog>
  )
}
