// API tokens: made, shown once, taken back.

import { Button, Group, MultiSelect, Select, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useCreateTokenMutation, useDeleteTokenMutation, useTokensQuery } from '@/api/admin'
import type { NewToken, Role, Token } from '@/api/types'
import { ANYWHERE, may } from '@/app/session'
import { useAppSelector } from '@/app/store'
import { type Column, DataTable } from '@/ui/DataTable'
import { Empty, ErrorNote, Loaded, Note } from '@/ui/notes'
import { Confirm, CopyValue, Dialog, Do, Page, Panel, Time } from '@/ui/pieces'
import { useProjectNames } from '@/ui/project'
import { ProjectTag } from '@/ui/ProjectTag'
import ui from '@/ui/ui.module.css'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { words } from './words'

const ROLES: Role[] = ['viewer', 'operator', 'editor', 'admin']
const DAYS = [7, 30, 90, 365]

export function Component() {
  const w = useWords(words)
  const s = useWords(shared)
  const query = useTokensQuery()
  const [adding, setAdding] = useState(false)
  const [made, setMade] = useState<NewToken | null>(null)
  const [deleting, setDeleting] = useState<Token | null>(null)
  const [remove] = useDeleteTokenMutation()
  const columns: Column<Token>[] = [
    { id: 'name', title: s.name, width: 'minmax(8rem, 1.5fr)', main: true, clip: true, cell: (token) => <><strong>{token.name}</strong>{token.projects?.map((one) => <ProjectTag key={one} of={one} always />)}</> },
    { id: 'role', title: w.role, width: '7rem', cell: (token) => s.roles[token.role] },
    { id: 'user', title: w.user, width: 'minmax(6rem, 1fr)', cell: (token) => token.owner ?? '–' },
    { id: 'used', title: w.used, width: '9rem', cell: (token) => (token.last_used_at ? <Time at={token.last_used_at} as="ago" /> : s.never) },
    { id: 'expires', title: w.expires, width: '11rem', cell: (token) => <Expiry at={token.expires_at} /> },
    { id: 'actions', title: '', width: '7rem', right: true, cell: (token) => <Button variant="default" onClick={() => setDeleting(token)}>{w.revoke}</Button> },
  ]
  const create = <Do label={w.new} icon="plus" variant="filled" onClick={() => setAdding(true)} />
  return (
    <Page title={w.title} sub={w.intro} actions={create}>
      {made && (
        <Note tone="finished" role="status" title={w.made(made.name)}>
          <p>{w.once}</p>
          <p className={ui.route}>
            <code data-token>{made.token}</code>
            <CopyValue value={made.token} />
          </p>
        </Note>
      )}
      <Panel flush>
        <Loaded query={query} empty={(data) => data.length === 0 && <Empty title={w.none} action={create}>{w.noneHint}</Empty>}>
          {(data) => <DataTable label={w.title} columns={columns} rows={data} rowKey={(token) => token.id} />}
        </Loaded>
      </Panel>
      <Dialog opened={adding} onClose={() => setAdding(false)} title={w.new}>
        <NewOne
          onDone={(token) => {
            setMade(token)
            setAdding(false)
          }}
        />
      </Dialog>
      <Confirm
        opened={deleting !== null}
        onClose={() => setDeleting(null)}
        title={w.confirm(deleting?.name ?? '')}
        verb={w.revoke}
        danger
        onConfirm={async () => {
          await remove(deleting?.id ?? '').unwrap()
          if (made?.id === deleting?.id) setMade(null)
        }}
      >
        {w.confirmText}
      </Confirm>
    </Page>
  )
}

function Expiry({ at }: { at: string | null }) {
  const s = useWords(shared)
  const w = useWords(words)
  if (at === null) return <>{s.never}</>
  const past = Date.parse(at) < Date.now()
  return (
    <span style={past ? { color: 'var(--sl-failed)' } : undefined}>
      {past && `${w.expired} · `}
      <Time at={at} as="ago" />
    </span>
  )
}

function NewOne({ onDone }: { onDone: (token: NewToken) => void }) {
  const w = useWords(words)
  const s = useWords(shared)
  const mine = useAppSelector((state) => state.session.user)
  const roles = ROLES.filter((role) => may(mine, role, ANYWHERE))
  const names = useProjectNames()
  const [projects, setProjects] = useState<string[]>([])
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const [days, setDays] = useState('90')
  const [create, { isLoading, error }] = useCreateTokenMutation()
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const expires = days === 'never' ? null : new Date(Date.now() + Number(days) * 86_400_000).toISOString()
    const done = await create({ name, role, expires_at: expires, ...(projects.length > 0 ? { projects } : {}) })
    if (done.data) onDone(done.data)
  }
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack gap="sm">
        <TextInput label={s.name} description={w.nameHint} value={name} onChange={(event) => setName(event.currentTarget.value)} required withAsterisk={false} data-autofocus autoComplete="off" />
        <Select label={w.role} description={w.roleHint} data={roles.map((one) => ({ value: one, label: s.roles[one] }))} value={role} allowDeselect={false} onChange={(one) => one && setRole(one)} />
        <Select
          label={w.expires}
          data={[...DAYS.map((n) => ({ value: String(n), label: w.days(n) })), { value: 'never', label: s.never }]}
          value={days}
          allowDeselect={false}
          onChange={(next) => next && setDays(next)}
        />
        {names.length > 1 && <MultiSelect label={w.projects} description={w.projectsHint} data={names} value={projects} onChange={setProjects} placeholder={projects.length === 0 ? w.allProjects : undefined} clearable />}
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
