// Who may do what in a project, beside what their role everywhere gives them.

import { ActionIcon, Button, Select } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useUsersQuery } from '@/api/admin'
import { useMembersQuery, useRemoveMemberMutation, useSetMemberMutation } from '@/api/projects'
import type { Role } from '@/api/types'
import { Icon } from '@/ui/Icon'
import { ErrorNote, Loaded } from '@/ui/notes'
import ui from '@/ui/ui.module.css'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import classes from './projects.module.css'
import { words } from './words'

/** A project gives nobody more than this. */
const ROLES: Role[] = ['viewer', 'operator', 'editor']

export function Members({ project }: { project: string }) {
  const w = useWords(words)
  const s = useWords(shared)
  const query = useMembersQuery(project, { refetchOnMountOrArgChange: true })
  const { data: users } = useUsersQuery()
  const [set, setting] = useSetMemberMutation()
  const [remove, removing] = useRemoveMemberMutation()
  const [user, setUser] = useState<string | null>(null)
  const [role, setRole] = useState<Role>('viewer')
  const roles = ROLES.map((one) => ({ value: one, label: s.roles[one] }))
  const others = (users ?? []).map((one) => one.name).filter((name) => !query.data?.some((member) => member.user === name))
  const error = setting.error ?? removing.error
  const add = async (event: FormEvent) => {
    event.preventDefault()
    if (user === null) return
    const done = await set({ project, user, role })
    if (!done.error) setUser(null)
  }
  return (
    <div className={classes.members}>
      <p className={ui.sub}>{w.membersHint}</p>
      <Loaded query={query} rows={3}>
        {(members) =>
          members.length === 0 ? (
            <p className={classes.nobody}>{w.noMembers}</p>
          ) : (
            <ul aria-label={w.members}>
              {members.map((member) => (
                <li key={member.user}>
                  <strong title={member.user}>{member.user}</strong>
                  <Select
                    size="xs"
                    w={130}
                    aria-label={w.roleOf(member.user)}
                    data={roles}
                    value={member.role}
                    allowDeselect={false}
                    onChange={(next) => next && void set({ project, user: member.user, role: next })}
                  />
                  <ActionIcon aria-label={w.removeMember(member.user)} onClick={() => void remove({ project, user: member.user })}>
                    <Icon name="close" size={14} />
                  </ActionIcon>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      <form onSubmit={(event) => void add(event)}>
        <Select label={w.user} data={others} value={user} onChange={setUser} searchable nothingFoundMessage={w.noUsers} className={classes.user} />
        <Select label={w.role} data={roles} value={role} allowDeselect={false} onChange={(next) => next && setRole(next)} w={130} />
        <Button type="submit" size="sm" variant="default" disabled={user === null} loading={setting.isLoading}>
          {w.add}
        </Button>
      </form>
      {error !== undefined && <ErrorNote error={error} />}
    </div>
  )
}
