// The form of a project: made, or changed on top of the version that was read.

import { Button, Group, NumberInput, Stack, Textarea, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useCreateProjectMutation, useUpdateProjectMutation } from '@/api/projects'
import type { Project } from '@/api/types'
import { notice } from '@/app/notices'
import { useAppDispatch } from '@/app/store'
import { NotSaved } from '@/ui/notes'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { words } from './words'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const MOST = 1_024
const ORDER: ('label' | 'input' | 'description' | 'error')[] = ['label', 'input', 'description', 'error']

interface Props {
  /** The one that is changed; none for a new one. */
  project?: Project
  onDone: () => void
  /** Reads what is there now, and begins anew with it. */
  onReload?: () => void
}

export function ProjectForm({ project, onDone, onReload }: Props) {
  const w = useWords(words)
  const s = useWords(shared)
  const dispatch = useAppDispatch()
  const [name, setName] = useState(project?.name ?? '')
  const [description, setDescription] = useState(project?.description ?? '')
  const [limit, setLimit] = useState<number | string>(project?.max_running ?? '')
  const [create, creating] = useCreateProjectMutation()
  const [update, updating] = useUpdateProjectMutation()
  const badName = name !== '' && !NAME.test(name)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!NAME.test(name)) return
    const input = { name, description: description.trim(), max_running: typeof limit === 'number' ? limit : null }
    const done = project ? await update({ ...input, version: project.version }) : await create(input)
    if (done.error) return
    dispatch(notice(project ? w.saved(name) : w.created(name)))
    onDone()
  }
  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <Stack gap="sm">
        {!project && (
          <TextInput
            label={w.name}
            description={w.nameHint}
            inputWrapperOrder={ORDER}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={badName ? w.badName : undefined}
            required
            withAsterisk={false}
            data-autofocus
            autoComplete="off"
            spellCheck={false}
          />
        )}
        <Textarea label={w.description} value={description} onChange={(event) => setDescription(event.currentTarget.value)} autosize minRows={1} maxRows={6} data-autofocus={project ? true : undefined} />
        <NumberInput label={w.limit} description={w.limitHint} inputWrapperOrder={ORDER} value={limit} onChange={setLimit} min={1} max={MOST} allowDecimal={false} placeholder={w.noLimit} />
        <NotSaved error={project ? updating.error : creating.error} onReload={onReload} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onDone}>
            {s.cancel}
          </Button>
          <Button type="submit" loading={creating.isLoading || updating.isLoading} disabled={!NAME.test(name)}>
            {project ? s.save : w.create}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
