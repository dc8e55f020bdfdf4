import { Button, Group, Menu, PasswordInput, Select, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import {
  useCreateUserMutation,
  useDeleteUserMutation,
  useSetPasswordMutation,
  useUpdateUserMutation,
  useUsersQuery,
} from '@/api/admin'
import type { Role, User } from '@/api/types'
import { notice } from '@/app/notices'
import { useAppDispatch, useAppSelector } from '@/app/store'
import { type Column, DataTable } from '@/ui/DataTable'
import { ErrorNote, Loaded } from '@/ui/notes'
import { Confirm, Dialog, Do, More, Page, Panel, Time } from '@/ui/pieces'
import ui from '@/ui/ui.module.css'
import { useWords } from '@/words'
import { useProblemLine } from '@/words/server'
import { shared } from '@/words/shared'
import { words } from './words'

const ROLES: Role[] = ['member', 'viewer', 'operator', 'editor', 'admin']

export function Component() {
  const w = useWords(words)
  const s = useWords(shared)
  const dispatch = useAppDispatch()
  const me = useAppSelector((state) => state.session.user?.name)
  const query = useUsersQuery()
  const [update] = useUpdateUserMutation()
  const [remove] = useDeleteUserMutation()
  const [adding, setAdding] = useState(false)
  const [password, setPassword] = useState<string | null>(null)
  const [deleting, setDeleting] = useState<string | null>(null)
  const lineOf = useProblemLine()
  const change = async (user: { name: string; role?: Role; disabled?: boolean }) => {
    const done = await update(user)
    if (done.error) {
      dispatch(notice(lineOf(done.error), 'failed'))
    } else dispatch(notice(w.changed(user.name)))
  }
  const columns: Column<User>[] = [
    {
      id: 'name',
      title: s.name,
      width: 'minmax(8rem, 1fr)',
      main: true,
      clip: true,
      cell: (user) => (
        <>
          <strong>{user.name}</strong> {user.name === me && <span className={ui.sub}>({w.you})</span>}
        </>
      ),
    },
    {
      id: 'role',
      title: w.role,
      width: '10rem',
      labelled: false,
      cell: (user) => (
        <Select
          aria-label={w.roleOf(user.name)}
          size="xs"
          data={ROLES.map((role) => ({ value: role, label: s.roles[role] }))}
          value={user.role}
          allowDeselect={false}
          disabled={user.name === me}
          onChange={(role) => role && void change({ name: user.name, role: role })}
        />
      ),
    },
    {
      id: 'state',
      title: w.state,
      width: '7rem',
      labelled: false,
      cell: (user) => (
        <span className={ui.state} data-state={user.disabled ? 'stopped' : 'finished'}>
          {user.disabled ? w.disabled : w.active}
        </span>
      ),
    },
    { id: 'last', title: w.last, width: '9rem', cell: (user) => (user.signed_in_at ? <Time at={user.signed_in_at} as="ago" /> : s.never) },
    { id: 'created', title: w.created, width: '10rem', cell: (user) => <Time at={user.created_at} as="stamp" /> },
    {
      id: 'actions',
      title: '',
      width: '2.5rem',
      right: true,
      narrow: 'corner',
      cell: (user) => (
        <More label={w.more(user.name)}>
          <Menu.Item onClick={() => setPassword(user.name)}>{w.setPassword}</Menu.Item>
          <Menu.Item disabled={user.name === me} onClick={() => void change({ name: user.name, disabled: !user.disabled })}>
            {user.disabled ? w.enable : w.disable}
          </Menu.Item>
          <Menu.Item disabled={user.name === me} onClick={() => setDeleting(user.name)}>
            {s.delete}
          </Menu.Item>
        </More>
      ),
    },
  ]
  return (
    <Page title={w.title} actions={<Do label={w.new} icon="plus" variant="filled" needs="admin" onClick={() => setAdding(true)} />}>
      <Panel flush>
        <Loaded query={query}>{(data) => <DataTable label={w.title} columns={columns} rows={data} rowKey={(user) => user.name} />}</Loaded>
      </Panel>
      <Dialog opened={adding} onClose={() => setAdding(false)} title={w.new}>
        <NewUser onDone={() => setAdding(false)} />
      </Dialog>
      <Dialog opened={password !== null} onClose={() => setPassword(null)} title={`${w.setPassword} · ${password ?? ''}`}>
        {password !== null && <NewPassword name={password} onDone={() => setPassword(null)} />}
      </Dialog>
      <Confirm
        opened={deleting !== null}
        onClose={() => setDeleting(null)}
        title={w.confirmDelete(deleting ?? '')}
        verb={s.delete}
        danger
        onConfirm={() => remove(deleting ?? '').unwrap()}
      >
        {w.confirmDeleteText}
      </Confirm>
    </Page>
  )
}

function NewUser({ onDone }: { onDone: () => void }) {
  const w = useWords(words)
  const s = useWords(shared)
  const dispatch = useAppDispatch()
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const [create, { isLoading, error }] = useCreateUserMutation()
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const done = await create({ name, password, role })
    if (done.error) return
    dispatch(notice(w.created_(name)))
    onDone()
  }
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack gap="sm">
        <TextInput label={s.name} value={name} onChange={(event) => setName(event.currentTarget.value)} required withAsterisk={false} data-autofocus autoComplete="off" />
        <PasswordInput label={w.password} description={w.shortest} value={password} onChange={(event) => setPassword(event.currentTarget.value)} required withAsterisk={false} autoComplete="new-password" />
        <Select label={w.role} description={w.roles[role]} data={ROLES.map((one) => ({ value: one, label: s.roles[one] }))} value={role} allowDeselect={false} onChange={(one) => one && setRole(one)} />
        {error && <ErrorNote error={error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={isLoading}>
            {w.create}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function NewPassword({ name, onDone }: { name: string; onDone: () => void }) {
  const w = useWords(words)
  const dispatch = useAppDispatch()
  const [password, setPassword] = useState('')
  const [set, { isLoading, error }] = useSetPasswordMutation()
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const done = await set({ name, password })
    if (done.error) return
    dispatch(notice(w.changed(name)))
    onDone()
  }
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack gap="sm">
        <PasswordInput label={w.newPassword} description={w.shortest} value={password} onChange={(event) => setPassword(event.currentTarget.value)} required withAsterisk={false} autoComplete="new-password" data-autofocus />
        {error && <ErrorNote error={error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={isLoading}>
            {w.setPassword}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
