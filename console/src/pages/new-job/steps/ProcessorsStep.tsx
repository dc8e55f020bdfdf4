// Steps that change rows on their way, with sample rows before and after.

import { ActionIcon, Button, Group, Menu, Select, Stack } from '@mantine/core'
import { useEffect, useMemo, useRef, useState } from 'react'
import { tableName, useTableQuery } from '@/api/connections'
import { usePreviewJobMutation } from '@/api/jobs'
import { moved } from '@/job/mapping'
import { Icon } from '@/ui/Icon'
import { Empty } from '@/ui/notes'
import { Panel } from '@/ui/pieces'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { get, type Plain } from '@/yaml/document'
import { connectionAt, useForm } from '../form'
import { Samples } from '../Samples'
import { useChosenTables } from '../tables'
import { newStep, StepForm, VERBS, verbOf } from '../StepForm'
import { words } from '../words'
import classes from '../wizard.module.css'

const WAIT_MS = 700
const SIDES = ['source', 'sink'] as const

export function ProcessorsStep() {
  const w = useWords(words)
  const s = useWords(shared)
  const form = useForm()
  const { spec, put, text, project } = form
  const { chosen } = useChosenTables()
  const [picked, setPicked] = useState<string | null>(null)
  const names = chosen.map(tableName)
  const table = picked !== null && names.includes(picked) ? picked : (names[0] ?? null)
  const source = connectionAt(form, 'source')
  const detail = useTableQuery({ name: source?.name ?? '', table: table ?? '' }, { skip: !source || table === null })
  const [ask, preview] = usePreviewJobMutation()
  const lists = { source: stepsAt(spec, 'source'), sink: stepsAt(spec, 'sink') }
  const count = lists.source.length + lists.sink.length
  const running = useRef<{ abort: () => void } | null>(null)
  useEffect(() => {
    if (table === null) return
    const timer = setTimeout(() => {
      running.current?.abort()
      running.current = ask({ yaml: text, project, table, rows: 8 })
    }, WAIT_MS)
    return () => clearTimeout(timer)
  }, [ask, text, project, table])
  const columns = useMemo(() => {
    const seen = preview.data?.after.columns.map((one) => (typeof one === 'string' ? one : one.name)) ?? []
    return [...new Set([...(detail.data?.columns.map((one) => one.name) ?? []), ...seen])]
  }, [detail.data, preview.data])
  const set = (side: (typeof SIDES)[number], next: Plain[]) => put(['processors', side], next.length === 0 ? undefined : next)
  return (
    <>
      {SIDES.map((side) => (
        <Panel
          key={side}
          title={w.sides[side]}
          aside={
            <Menu position="bottom-end" width={300} shadow="md">
              <Menu.Target>
                <Button variant="default" size="compact-xs" leftSection={<Icon name="plus" size={12} />}>
                  {w.addStep}
                </Button>
              </Menu.Target>
              <Menu.Dropdown mah={360} style={{ overflowY: 'auto' }}>
                {VERBS.map((verb) => (
                  <Menu.Item key={verb} onClick={() => set(side, [...lists[side], newStep(verb)])}>
                    <code>{verb}</code>
                    <div className={classes.quiet}>{w.verbs[verb]}</div>
                  </Menu.Item>
                ))}
              </Menu.Dropdown>
            </Menu>
          }
        >
          {lists[side].length === 0 ? (
            <p className={classes.quiet}>{side === 'source' ? w.noStepsSource : w.noStepsSink}</p>
          ) : (
            <ol className={classes.steps}>
              {lists[side].map((step, at) => (
                <li key={at} className={classes.step}>
                  <div className={classes.stepHead}>
                    <code>{verbOf(step) ?? '?'}</code>
                    <span className={classes.quiet}>{verbWords(w.verbs, verbOf(step))}</span>
                    <Group gap={2} ml="auto" wrap="nowrap">
                      <ActionIcon size="sm" variant="transparent" aria-label={w.up} style={at === 0 ? { visibility: 'hidden' } : undefined} onClick={() => set(side, moved(lists[side], at, at - 1))}>
                        <Icon name="up" size={13} />
                      </ActionIcon>
                      <ActionIcon size="sm" variant="transparent" aria-label={w.down} style={at === lists[side].length - 1 ? { visibility: 'hidden' } : undefined} onClick={() => set(side, moved(lists[side], at, at + 1))}>
                        <Icon name="down" size={13} />
                      </ActionIcon>
                      <ActionIcon size="sm" variant="transparent" aria-label={s.delete} onClick={() => set(side, lists[side].filter((_, i) => i !== at))}>
                        <Icon name="trash" size={13} />
                      </ActionIcon>
                    </Group>
                  </div>
                  <StepForm step={step} columns={columns} onChange={(value) => put(['processors', side, at], value)} />
                </li>
              ))}
            </ol>
          )}
        </Panel>
      ))}
      <Panel
        title={w.preview}
        aside={
          <Group gap="xs">
            {names.length > 1 && <Select size="xs" data={names} value={table} onChange={setPicked} aria-label={w.table} searchable limit={100} />}
            <span className={classes.quiet} role="status">
              {preview.isLoading ? w.previewing : ''}
            </span>
          </Group>
        }
        flush
      >
        {table === null ? <Empty title={w.noTableChosen}>{w.noTableChosenHint}</Empty> : <Stack gap={0}><Samples query={preview} unchanged={count === 0} onRetry={() => void ask({ yaml: text, project, table, rows: 8 })} /></Stack>}
      </Panel>
    </>
  )
}

function stepsAt(spec: Plain, side: string): Plain[] {
  const list = get(spec, ['processors', side])
  return Array.isArray(list) ? list : []
}

function verbWords(verbs: Record<string, string>, verb: string | null): string {
  return (verb && verbs[verb]) ?? ''
}
