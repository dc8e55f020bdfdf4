// The form of one step: what it needs by its verb. What the form does not know is left as it is.

import { ActionIcon, Autocomplete, Button, Group, NumberInput, Select, Stack, TagsInput, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { TYPES } from '@/job/mapping'
import { Icon } from '@/ui/Icon'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import type { Plain } from '@/yaml/document'
import { words } from './words'
import classes from './wizard.module.css'

export const VERBS = ['filter', 'select', 'drop', 'rename', 'cast', 'add', 'mask', 'sql', 'parse_date', 'format_date', 'dx_filter', 'dx_substr', 'dx_pad', 'dx_replace', 'dx_digest'] as const
export type Verb = (typeof VERBS)[number]
type PlainMap = { [key: string]: Plain }

const isMap = (value: Plain | undefined): value is PlainMap => typeof value === 'object' && value !== null && !Array.isArray(value)

export function verbOf(step: Plain): Verb | null {
  const key = isMap(step) ? Object.keys(step)[0] : undefined
  return (VERBS as readonly string[]).includes(key ?? '') ? (key as Verb) : null
}

export function newStep(verb: Verb): Plain {
  switch (verb) {
    case 'filter':
      return { filter: '' }
    case 'sql':
      return { sql: 'select * from rows' }
    case 'select':
    case 'drop':
      return { [verb]: [] }
    case 'mask':
      return { mask: { columns: [], with: 'sha256' } }
    case 'rename':
    case 'cast':
    case 'add':
    case 'parse_date':
    case 'format_date':
      return { [verb]: {} }
    default:
      return { [verb]: { columnIndex: 0, paras: [] } }
  }
}

interface Props {
  step: Plain
  columns: string[]
  onChange: (step: Plain) => void
}

const mono = { input: { fontFamily: 'var(--mantine-font-family-monospace)' } }
const PATTERNS = ['yyyy-MM-dd', 'yyyy-MM-dd HH:mm:ss', "yyyy-MM-dd'T'HH:mm:ss.SSS", 'dd.MM.yyyy', 'yyyy/MM/dd', 'MM/dd/yyyy']

export function StepForm({ step, columns, onChange }: Props) {
  const w = useWords(words)
  const verb = verbOf(step)
  const value = verb && isMap(step) ? step[verb] : undefined
  if (verb === null || value === undefined) return <p className={classes.quiet}>{w.unknownStep}</p>
  const set = (next: Plain) => onChange({ [verb]: next })
  switch (verb) {
    case 'filter':
    case 'sql':
      return (
        <Textarea
          aria-label={verb}
          value={typeof value === 'string' ? value : ''}
          onChange={(e) => set(e.currentTarget.value)}
          placeholder={verb === 'filter' ? "amount > 10 and country = 'DE'" : 'select id, upper(name) as name from rows where id > 0'}
          autosize
          minRows={verb === 'sql' ? 2 : 1}
          styles={mono}
          spellCheck={false}
        />
      )
    case 'select':
    case 'drop':
      return <Columns label={w.columns} value={value} columns={columns} onChange={set} />
    case 'rename':
      return <Pairs value={value} onChange={set} keys={columns} left={w.oldName} right={w.newName} />
    case 'cast':
      return <Pairs value={value} onChange={set} keys={columns} left={w.column} right={w.type} values={[...TYPES]} />
    case 'add':
      return <Pairs value={value} onChange={set} left={w.newColumn} right={w.expression} values={['now()', "'text'"]} />
    case 'parse_date':
    case 'format_date':
      return typeof value === 'string' ? (
        <Autocomplete label={w.pattern} value={value} onChange={set} data={PATTERNS} styles={mono} />
      ) : (
        <Pairs value={value} onChange={set} keys={columns} left={w.column} right={w.pattern} values={PATTERNS} />
      )
    case 'mask':
      return <Mask value={isMap(value) ? value : {}} columns={columns} onChange={set} />
    default:
      return <DataX value={isMap(value) ? value : {}} onChange={set} />
  }
}

const texts = (value: Plain | undefined): string[] => (Array.isArray(value) ? value.map((one) => (typeof one === 'object' ? JSON.stringify(one) : String(one))) : [])

function Columns({ label, value, columns, onChange }: { label: string; value: Plain | undefined; columns: string[]; onChange: (next: Plain) => void }) {
  return <TagsInput label={label} value={texts(value)} onChange={onChange} data={columns} acceptValueOnBlur splitChars={[',']} />
}

interface PairsProps {
  value: Plain
  onChange: (next: Plain) => void
  left: string
  right: string
  keys?: string[]
  values?: string[]
}

/** A map, entry by entry. An entry without a name waits here until it has one. */
function Pairs({ value, onChange, left, right, keys = [], values = [] }: PairsProps) {
  const w = useWords(words)
  const s = useWords(shared)
  const [open, setOpen] = useState<string | null>(null)
  const map = isMap(value) ? value : {}
  const entries = Object.entries(map)
  const rename = (from: string, to: string) => {
    if (to !== from && Object.hasOwn(map, to)) return
    onChange(Object.fromEntries(entries.map(([key, one]) => [key === from ? to : key, one])))
  }
  const shown = (one: Plain) => (typeof one === 'string' ? one : JSON.stringify(one))
  return (
    <Stack gap={6}>
      {entries.map(([key, one], at) => (
        <Group key={at} gap="xs" wrap="nowrap" align="flex-start">
          <Autocomplete size="xs" aria-label={left} value={key} onChange={(to) => rename(key, to)} data={keys} style={{ flex: 1 }} limit={30} />
          <Autocomplete size="xs" aria-label={right} value={shown(one)} onChange={(to) => onChange({ ...map, [key]: to })} data={values} style={{ flex: 1 }} styles={mono} limit={30} />
          <ActionIcon size="md" aria-label={s.delete} onClick={() => onChange(Object.fromEntries(entries.filter(([other]) => other !== key)))}>
            <Icon name="close" size={13} />
          </ActionIcon>
        </Group>
      ))}
      {open !== null && (
        <Group gap="xs" wrap="nowrap">
          <Autocomplete
            size="xs"
            aria-label={left}
            placeholder={left}
            value={open}
            onChange={setOpen}
            onOptionSubmit={(name) => {
              if (!Object.hasOwn(map, name)) onChange({ ...map, [name]: '' })
              setOpen(null)
            }}
            onBlur={() => {
              if (open !== '' && !Object.hasOwn(map, open)) onChange({ ...map, [open]: '' })
              setOpen(null)
            }}
            onKeyDown={(event) => {
              if (event.key === 'Enter') event.currentTarget.blur()
            }}
            data={keys.filter((one) => !Object.hasOwn(map, one))}
            style={{ flex: 1 }}
            autoFocus
          />
          <span style={{ flex: 1 }} />
        </Group>
      )}
      {open === null && (
        <Button variant="subtle" size="compact-xs" leftSection={<Icon name="plus" size={12} />} onClick={() => setOpen('')} style={{ alignSelf: 'flex-start' }}>
          {w.addEntry(left)}
        </Button>
      )}
    </Stack>
  )
}

function Mask({ value, columns, onChange }: { value: PlainMap; columns: string[]; onChange: (next: Plain) => void }) {
  const w = useWords(words)
  const by = typeof value.with === 'string' ? value.with : 'sha256'
  const env = isMap(value.key) && typeof value.key.env === 'string' ? value.key.env : null
  const put = (key: string, next: Plain | undefined) => {
    const rest = { ...value }
    if (next === undefined) delete rest[key]
    else rest[key] = next
    onChange(rest)
  }
  return (
    <Stack gap="xs">
      <Columns label={w.columns} value={value.columns} columns={columns} onChange={(next) => put('columns', next)} />
      <div className={classes.fields}>
        <Select label={w.maskWith} value={by} onChange={(next) => next && put('with', next)} data={['sha256', 'partial', 'redact'].map((one) => ({ value: one, label: `${one} · ${w.masks[one as keyof typeof w.masks]}` }))} allowDeselect={false} />
        {by === 'sha256' && <TextInput label={w.maskKey} description={w.maskKeyHint} placeholder="MASK_KEY" value={env ?? ''} onChange={(e) => put('key', e.currentTarget.value === '' ? undefined : { env: e.currentTarget.value })} disabled={typeof value.key === 'string'} />}
        {by === 'partial' && <NumberInput label={w.maskKeep} value={typeof value.keep === 'number' ? value.keep : ''} placeholder="4" onChange={(next) => put('keep', typeof next === 'number' ? next : undefined)} min={0} allowDecimal={false} />}
      </div>
    </Stack>
  )
}

function DataX({ value, onChange }: { value: PlainMap; onChange: (next: Plain) => void }) {
  const w = useWords(words)
  return (
    <div className={classes.fields}>
      <NumberInput label={w.columnIndex} value={typeof value.columnIndex === 'number' ? value.columnIndex : 0} onChange={(next) => onChange({ ...value, columnIndex: typeof next === 'number' ? next : 0 })} min={0} allowDecimal={false} />
      <TagsInput label={w.paras} value={texts(value.paras)} onChange={(paras) => onChange({ ...value, paras })} allowDuplicates acceptValueOnBlur />
    </div>
  )
}
