// The form of a connection: its kind, address and password, and the options that its connector has.

import { Fieldset, MultiSelect, NumberInput, PasswordInput, Select, SimpleGrid, Stack, Textarea, TextInput } from '@mantine/core'
import { type FormEvent, type ReactNode, useMemo, useState } from 'react'
import type { Connection, ConnectionInput, Connector } from '@/api/types'
import { useProjectNames } from '@/ui/project'
import { Told } from '@/ui/Told'
import { useWords } from '@/words'
import { connectorOf, type Field, fieldsOf, NAME, optionsOf } from './options'
import { words } from './words'

export interface Draft {
  connector: string
  name: string
  url: string
  password: string
  options: Record<string, string>
  description: string
  limit: number | ''
  /** Whose jobs may use it; none: those of all. */
  projects?: string[]
}

export function draftOf(connection?: Connection): Draft {
  return {
    connector: connection?.connector ?? '',
    name: connection?.name ?? '',
    url: connection?.url ?? '',
    password: '',
    options: connection?.options ?? {},
    description: connection?.description ?? '',
    limit: connection?.limit ?? '',
    projects: connection?.projects ?? [],
  }
}

/** What may be kept in the browser. */
export function withoutPassword(draft: Draft): Draft {
  return { ...draft, password: '' }
}

/** What is sent; a password that was not typed is not sent, and the one that is kept stays. */
export function inputOf(draft: Draft, fields: readonly Field[]): ConnectionInput {
  const input: ConnectionInput = { name: draft.name, url: draft.url, options: optionsOf(fields, draft.options) }
  if (draft.password !== '') input.password = draft.password
  if (draft.description !== '') input.description = draft.description
  if (draft.limit !== '') input.limit = draft.limit
  if (draft.projects) input.projects = draft.projects
  return input
}

interface Props {
  connectors: Connector[]
  saved?: Connection
  draft: Draft
  onChange: (draft: Draft) => void
  onSubmit: (input: ConnectionInput) => void
  /** Buttons, with what is in the form now. */
  children: (input: ConnectionInput) => ReactNode
  readOnly: boolean
}

export function Form({ connectors, saved, draft, onChange, onSubmit, children, readOnly }: Props) {
  const w = useWords(words)
  const [tried, setTried] = useState(false)
  const connector = connectors.find((one) => one.id === draft.connector)
  const fields = useMemo(() => (connector ? fieldsOf(connector.options) : []), [connector])
  const set = (changed: Partial<Draft>) => onChange({ ...draft, ...changed })
  const badName = !NAME.test(draft.name)
  const badUrl = draft.url.trim() === ''
  const example = connector?.example ?? ''
  const projects = useProjectNames()
  const open = draft.projects ?? []
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (!badName && !badUrl && !readOnly) onSubmit(inputOf(draft, fields))
  }
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md" verticalSpacing="sm">
          <Select
            label={w.connector}
            placeholder={w.connectorHint}
            data={connectors.map((one) => ({ value: one.id, label: one.title }))}
            value={draft.connector || null}
            onChange={(id) => set({ connector: id ?? '', options: {} })}
            searchable
            readOnly={readOnly}
          />
          <TextInput
            label={w.name}
            description={saved ? undefined : w.nameHint}
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            value={draft.name}
            onChange={(event) => set({ name: event.currentTarget.value })}
            error={tried && badName ? w.badName : undefined}
            readOnly={readOnly || saved !== undefined}
            required
            withAsterisk={false}
            autoComplete="off"
          />
        </SimpleGrid>
        <TextInput
          label={w.url}
          description={example ? w.urlHint(example) : w.urlPlain}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={draft.url}
          onChange={(event) => {
            const url = event.currentTarget.value
            const known = connectorOf(connectors, url)
            set(known && known.id !== draft.connector ? { url, connector: known.id, options: {} } : { url })
          }}
          error={tried && badUrl ? w.badUrl : undefined}
          readOnly={readOnly}
          required
          withAsterisk={false}
          autoComplete="off"
          spellCheck={false}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
        />
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md" verticalSpacing="sm">
          <PasswordInput
            label={w.password}
            description={w.passwordHint}
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            placeholder={saved?.has_password ? w.passwordKept : undefined}
            value={draft.password}
            onChange={(event) => set({ password: event.currentTarget.value })}
            readOnly={readOnly}
            autoComplete="new-password"
          />
          <NumberInput
            label={w.limit}
            description={w.limitHint}
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            value={draft.limit}
            onChange={(limit) => set({ limit: typeof limit === 'number' ? limit : '' })}
            min={1}
            allowDecimal={false}
            readOnly={readOnly}
          />
        </SimpleGrid>
        <Textarea
          label={w.description}
          value={draft.description}
          onChange={(event) => set({ description: event.currentTarget.value })}
          autosize
          minRows={1}
          maxRows={4}
          readOnly={readOnly}
        />
        {(projects.length > 1 || open.length > 0) && (
          <MultiSelect
            label={w.projects}
            description={w.projectsHint}
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            data={[...new Set([...projects, ...open])]}
            value={open}
            onChange={(next) => set({ projects: next })}
            placeholder={open.length === 0 ? w.allProjects : undefined}
            readOnly={readOnly}
            clearable
          />
        )}
        {fields.length > 0 && (
          <Fieldset legend={`${w.options} · ${connector?.title ?? ''}`}>
            <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md" verticalSpacing="sm">
              {fields.map((field) => (
                <Option
                  key={field.name}
                  field={field}
                  value={draft.options[field.name] ?? ''}
                  onChange={(value) => set({ options: { ...draft.options, [field.name]: value } })}
                  readOnly={readOnly}
                />
              ))}
            </SimpleGrid>
          </Fieldset>
        )}
        {children(inputOf(draft, fields))}
      </Stack>
    </form>
  )
}

interface OptionProps {
  field: Field
  value: string
  onChange: (value: string) => void
  readOnly: boolean
}

function Option({ field, value, onChange, readOnly }: OptionProps) {
  const w = useWords(words)
  const shared = {
    label: field.name,
    description: field.description && <Told>{field.description}</Told>,
    inputWrapperOrder: ['label', 'input', 'description', 'error'] as ('label' | 'input' | 'description' | 'error')[],
    placeholder: field.standard === '' ? undefined : w.default(field.standard),
    readOnly,
  }
  if (field.kind === 'choice' || field.kind === 'yes-no') {
    const choices =
      field.kind === 'choice'
        ? field.choices
        : [
            { value: 'true', label: w.true },
            { value: 'false', label: w.false },
          ]
    return <Select {...shared} data={choices} value={value || null} onChange={(next) => onChange(next ?? '')} clearable />
  }
  if (field.kind === 'number') {
    return (
      <NumberInput
        {...shared}
        value={value}
        onChange={(next) => onChange(String(next))}
        allowDecimal={false}
      />
    )
  }
  return <TextInput {...shared} value={value} onChange={(event) => onChange(event.currentTarget.value)} spellCheck={false} autoComplete="off" />
}
