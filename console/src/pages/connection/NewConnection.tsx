import { Button, Group } from '@mantine/core'
import { useNavigate, useSearchParams } from 'react-router'
import { useConnectorsQuery, useCreateConnectionMutation, useTestConnectionMutation } from '@/api/connections'
import type { ConnectionInput } from '@/api/types'
import { useKept } from '@/app/kept'
import { notice } from '@/app/notices'
import { useAppDispatch } from '@/app/store'
import { ErrorNote, Loaded } from '@/ui/notes'
import { Do, Page, Panel, useMay } from '@/ui/pieces'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { draftOf, Form, withoutPassword } from './Form'
import { TestResult } from './TestResult'
import { words } from './words'

export function Component() {
  const w = useWords(words)
  const s = useWords(shared)
  const navigate = useNavigate()
  const dispatch = useAppDispatch()
  const [search] = useSearchParams()
  const readOnly = !useMay('editor')
  const connectors = useConnectorsQuery()
  const form = useKept('connection', draftOf, withoutPassword)
  const draft = form.value
  const [create, creating] = useCreateConnectionMutation()
  const [test, tested] = useTestConnectionMutation()
  const save = async (input: ConnectionInput) => {
    const done = await create(input)
    if (done.error) return
    form.forget(draftOf())
    dispatch(notice(w.saved(input.name)))
    // The wizard sends people here for a connection it lacks, and wants them back.
    const back = search.get('back')
    await navigate(back?.startsWith('/') && !back.startsWith('//') ? back : `/connections/${encodeURIComponent(input.name)}`)
  }
  return (
    <Page title={w.newTitle} crumbs={[{ to: '/connections', title: w.connections }]}>
      <Panel>
        <Loaded query={connectors}>
          {(data) => (
            <Form
              connectors={data}
              draft={draft}
              onChange={(next) => {
                form.set(next)
                if (tested.data ?? tested.error) tested.reset()
              }}
              onSubmit={(input) => void save(input)}
              readOnly={readOnly}
            >
              {(input) => (
                <>
                  <TestResult result={tested.data} error={tested.error} />
                  {creating.error && <ErrorNote error={creating.error} />}
                  <Group gap="xs">
                    <Button type="submit" loading={creating.isLoading} disabled={readOnly}>
                      {w.create}
                    </Button>
                    <Do label={tested.isLoading ? w.testing : w.test} icon="connections" needs="editor" loading={tested.isLoading} disabled={draft.url === ''} onClick={() => void test(input)} />
                    {form.changed && (
                      <Button variant="subtle" color="gray" onClick={() => form.forget(draftOf())}>
                        {s.discard}
                      </Button>
                    )}
                  </Group>
                </>
              )}
            </Form>
          )}
        </Loaded>
      </Panel>
    </Page>
  )
}
