// The job that is being written, as the steps of the wizard see it: the text, what it says, and how
// to change a place in it.

import { Autocomplete, NumberInput, Select, Switch, Textarea, TextInput } from '@mantine/core'
import { createContext, type ReactNode, useContext } from 'react'
import type { Connection, Connector, Plan } from '@/api/types'
import { get, type Path, type Plain } from '@/yaml/document'

export interface Form {
  text: string
  /** Where the job is, or is to be. */
  project: string
  /** What the text says. */
  spec: Plain
  put: (path: Path, value: Plain | undefined) => void
  putAll: (changes: readonly (readonly [Path, Plain | undefined])[]) => void
  connections: readonly Connection[]
  connectors: readonly Connector[]
  plan: { data: Plan | null; error: unknown; busy: boolean; ask: () => void }
}

export const FormContext = createContext<Form | null>(null)

export function useForm(): Form {
  const form = useContext(FormContext)
  if (!form) throw new Error('a step stands outside of its form')
  return form
}

export function textAt(spec: Plain, path: Path): string {
  const value = get(spec, path)
  return value === undefined || value === null || typeof value === 'object' ? '' : String(value)
}

export function listAt(spec: Plain, path: Path): string[] {
  const value = get(spec, path)
  return Array.isArray(value) ? value.filter((one) => typeof one !== 'object').map(String) : []
}

interface FieldProps {
  path: Path
  label: string
  description?: ReactNode
  placeholder?: string
  error?: ReactNode
}

/** What explains a field stands below it, so that fields beside each other stand in line. */
const ORDER: ('label' | 'input' | 'description' | 'error')[] = ['label', 'input', 'description', 'error']

export function TextField({ path, rows, mono, data, ...rest }: FieldProps & { rows?: number; mono?: boolean; data?: string[] }) {
  const { spec, put } = useForm()
  const value = textAt(spec, path)
  const onText = (text: string) => put(path, text === '' ? undefined : text)
  const styles = mono ? { input: { fontFamily: 'var(--mantine-font-family-monospace)' } } : undefined
  if (rows) return <Textarea {...rest} inputWrapperOrder={ORDER} value={value} onChange={(e) => onText(e.currentTarget.value)} autosize minRows={rows} maxRows={14} styles={styles} spellCheck={!mono} />
  if (data) return <Autocomplete {...rest} inputWrapperOrder={ORDER} value={value} onChange={onText} data={data} styles={styles} limit={30} />
  return <TextInput {...rest} inputWrapperOrder={ORDER} value={value} onChange={(e) => onText(e.currentTarget.value)} styles={styles} spellCheck={false} />
}

export function NumberField({ path, min = 1, max, step, suffix, decimalScale = 0, ...rest }: FieldProps & { min?: number; max?: number; step?: number; suffix?: string; decimalScale?: number }) {
  const { spec, put } = useForm()
  const value = get(spec, path)
  return (
    <NumberInput
      {...rest}
      inputWrapperOrder={ORDER}
      value={typeof value === 'number' ? value : ''}
      onChange={(next) => put(path, typeof next === 'number' ? next : undefined)}
      min={min}
      max={max}
      step={step}
      suffix={suffix}
      thousandSeparator=","
      decimalScale={decimalScale}
      allowNegative={false}
    />
  )
}

export function ChoiceField({ path, data, none, ...rest }: FieldProps & { data: { value: string; label: string }[]; none: string }) {
  const { spec, put } = useForm()
  const value = textAt(spec, path)
  const known = data.some((one) => one.value === value)
  return (
    <Select
      {...rest}
      inputWrapperOrder={ORDER}
      data={[{ value: '', label: none }, ...data, ...(value !== '' && !known ? [{ value, label: value }] : [])]}
      value={value}
      onChange={(next) => put(path, next === null || next === '' ? undefined : next)}
      allowDeselect={false}
    />
  )
}

export function SwitchField({ path, ...rest }: FieldProps) {
  const { spec, put } = useForm()
  return <Switch {...rest} checked={get(spec, path) === true} onChange={(e) => put(path, e.currentTarget.checked ? true : undefined)} />
}

/** The connection a side goes by, if it goes by one. */
export function connectionAt(form: Form, side: 'source' | 'sink'): Connection | undefined {
  const name = textAt(form.spec, [side, 'connection'])
  return form.connections.find((one) => one.name === name)
}
export function connectorOf(form: Form, connection: Connection | undefined): Connector | undefined {
  return connection && form.connectors.find((one) => one.id === connection.connector)
}
