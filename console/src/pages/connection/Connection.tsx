// One connection: its tables with a look inside, and its settings.

import { Button, Group, Tabs } from '@mantine/core'
import { useState } from 'react'
import { Link, useNavigate, useParams, useSearchParams } from 'react-router'
import {
  useConnectionQuery,
  useConnectorsQuery,
  useDeleteConnectionMutation,
  useTestConnectionMutation,
  useTestSavedConnectionMutation,
  useUpdateConnectionMutation,
} from '@/api/connections'
import type { Connection, ConnectionInput } from '@/api/types'
import { useKept } from '@/app/kept'
import { notice } from '@/app/notices'
import { ANYWHERE } from '@/app/session'
import { useAppDispatch } from '@/app/store'
import { Loaded, NotSaved } from '@/ui/notes'
import { Confirm, Do, Facts, Page, Panel, Time, Unsaved, useMay } from '@/ui/pieces'
import ui from '@/ui/ui.module.css'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { Browser } from './Browser'
import { type Draft, draftOf, Form, withoutPassword } from './Form'
import { TestResult } from './TestResult'
import { words } from './words'

export function Component() {
  const { name = '' } = useParams()
  const w = useWords(words)
  const s = useWords(shared)
  const dispatch = useAppDispatch()
  const navigate = useNavigate()
  const query = useConnectionQuery(name)
  const [test, tested] = useTestSavedConnectionMutation()
  const [remove] = useDeleteConnectionMutation()
  const [asking, setAsking] = useState(false)
  const connection = query.data
  return (
    <Page
      title={name}
      sub={connection && <code>{connection.url}</code>}
      crumbs={[{ to: '/connections', title: w.connections }]}
      actions={
        connection && (
          <>
            <Do label={w.test} icon="connections" needs="operator" where={ANYWHERE} loading={tested.isLoading} onClick={() => void test(name)} />
            <Do label={s.delete} icon="trash" needs="editor" onClick={() => setAsking(true)} />
          </>
        )
      }
    >
      <TestResult result={tested.data} error={tested.error} />
      <Loaded query={query}>{(data) => <Content connection={data} />}</Loaded>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title={w.confirmDelete(name)}
        verb={s.delete}
        danger
        onConfirm={async () => {
          await remove({ name, version: connection?.version ?? 0 }).unwrap()
          dispatch(notice(w.deleted(name)))
          await navigate('/connections')
        }}
      >
        {w.confirmDeleteText}
        {connection && connection.used_by.length > 0 && <p>{w.confirmDeleteUsed(connection.used_by.length)}</p>}
      </Confirm>
    </Page>
  )
}

function Content({ connection }: { connection: Connection }) {
  const w = useWords(words)
  const [search, setSearch] = useSearchParams()
  const tab = search.get('tab') === 'settings' ? 'settings' : 'browse'
  return (
    <Panel flush>
      <Tabs value={tab} keepMounted={false} onChange={(next) => setSearch(next === 'settings' ? { tab: next } : {}, { replace: true })}>
        <Tabs.List>
          <Tabs.Tab value="browse">{w.tabs.browse}</Tabs.Tab>
          <Tabs.Tab value="settings">{w.tabs.settings}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="browse">
          <Browser connection={connection.name} />
        </Tabs.Panel>
        <Tabs.Panel value="settings" p="md">
          <Edit key={connection.name} connection={connection} />
        </Tabs.Panel>
      </Tabs>
    </Panel>
  )
}

/** What was typed, and over which version. */
interface Edited {
  draft: Draft
  version: number
}

function Edit({ connection }: { connection: Connection }) {
  const w = useWords(words)
  const s = useWords(shared)
  const dispatch = useAppDispatch()
  const readOnly = !useMay('editor')
  const connectors = useConnectorsQuery()
  // The version that was read when the form was filled: a later one is somebody else's work.
  const form = useKept<Edited>(
    `connection.${connection.name}`,
    () => ({ draft: draftOf(connection), version: connection.version }),
    ({ draft: typed, version }) => ({ draft: withoutPassword(typed), version }),
  )
  const { draft, version: began } = form.value
  const [update, updating] = useUpdateConnectionMutation()
  const [test, tested] = useTestConnectionMutation()
  const reload = () => {
    updating.reset()
    form.forget({ draft: draftOf(connection), version: connection.version })
  }
  const save = async (input: ConnectionInput) => {
    const done = await update({ connection: input, version: began })
    if (done.error) return
    form.forget({ draft: draftOf(done.data), version: done.data.version })
    dispatch(notice(w.saved(input.name)))
  }
  return (
    <Loaded query={connectors}>
      {(data) => (
        <Form connectors={data} saved={connection} draft={draft} onChange={(next) => form.set({ draft: next, version: began })} onSubmit={(input) => void save(input)} readOnly={readOnly}>
          {(input) => (
            <>
              <TestResult result={tested.data} error={tested.error} />
              <NotSaved error={updating.error} onReload={reload} />
              <Group gap="xs">
                <Button type="submit" loading={updating.isLoading} disabled={readOnly}>
                  {s.save}
                </Button>
                <Do label={w.test} icon="connections" needs="editor" loading={tested.isLoading} onClick={() => void test(input)} />
                <Unsaved changed={form.changed} onDiscard={reload} />
              </Group>
              <Facts
                items={[
                  [
                    w.usedBy,
                    connection.used_by.length === 0 ? (
                      w.unused
                    ) : (
                      <span key="jobs" className={ui.list}>
                        {connection.used_by.map((job) => (
                          <Link key={job} to={`/jobs/${encodeURIComponent(job)}`}>
                            {job}
                          </Link>
                        ))}
                      </span>
                    ),
                  ],
                  [w.created, <Time key="created" at={connection.created_at} as="stamp" />],
                  [w.updated, <Time key="updated" at={connection.updated_at} as="stamp" />],
                ]}
              />
            </>
          )}
        </Form>
      )}
    </Loaded>
  )
}
