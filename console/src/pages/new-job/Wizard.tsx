// A job step by step, or as its file; both are one text.

import { Button, Group, SegmentedControl } from '@mantine/core'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { tableName, useConnectionsQuery, useConnectorsQuery } from '@/api/connections'
import { jobsApi, useCreateJobMutation, usePlanJobMutation, useStartJobMutation, useUpdateJobMutation, useValidateJobMutation } from '@/api/jobs'
import { asProblem } from '@/api/problem'
import type { Job, Plan } from '@/api/types'
import { notice } from '@/app/notices'
import { useAppDispatch } from '@/app/store'
import { TYPES } from '@/job/mapping'
import { Icon } from '@/ui/Icon'
import { ErrorNote, Note } from '@/ui/notes'
import { Do, Page } from '@/ui/pieces'
import { DEFAULT_PROJECT } from '@/ui/ProjectTag'
import { useWords } from '@/words'
import { useServerWords } from '@/words/server'
import { words as shellWords } from '@/layout/words'
import { get, type Path, type Plain, put as putIn, putAll as putAllIn, read } from '@/yaml/document'
import { check } from '@/yaml/check'
import { Editor } from '@/yaml/Editor'
import { useJobSchema } from '@/yaml/jobSchema'
import { says } from '@/yaml/says'
import { Conflict } from './Conflict'
import type { Draft } from '@/job/draft'
import { type Form, FormContext, textAt } from './form'
import { ColumnsStep } from './steps/ColumnsStep'
import { FinishStep, NAME } from './steps/FinishStep'
import { ProcessorsStep } from './steps/ProcessorsStep'
import { RulesStep } from './steps/RulesStep'
import { SourceStep } from './steps/SourceStep'
import { TablesStep } from './steps/TablesStep'
import { TargetStep } from './steps/TargetStep'
import { useSourceTables } from './tables'
import classes from './wizard.module.css'
import { words } from './words'

const STEPS = ['source', 'tables', 'target', 'columns', 'processors', 'rules', 'finish'] as const
type Step = (typeof STEPS)[number]
const PLANNED = new Set<Step>(['columns', 'finish'])
const PLAN_WAIT_MS = 600
const CHECK_WAIT_MS = 800

interface Props {
  draft: Draft
  change: (part: Partial<Draft>) => void
  forget: () => void
  kept: boolean
}

export function Wizard({ draft, change, forget, kept }: Props) {
  const w = useWords(words)
  const shell = useWords(shellWords)
  const dispatch = useAppDispatch()
  const navigate = useNavigate()
  const [search, setSearch] = useSearchParams()
  const { data: connections = [] } = useConnectionsQuery()
  const { data: connectors = [] } = useConnectorsQuery()
  const { text } = draft
  const reading = useMemo(() => read(text), [text])
  const broken = reading.problems.length > 0
  const spec = useMemo<Plain>(() => reading.value ?? {}, [reading])
  const hasQuery = typeof get(spec, ['source', 'query']) === 'string'
  const asked = search.get('step') as Step | null
  const step: Step = asked !== null && STEPS.includes(asked) ? asked : 'source'
  const asText = search.get('as') === 'yaml'
  const go = useCallback((next: Partial<Record<'step' | 'as', string | null>>) => setSearch((before) => changed(before, next), { replace: next.step === undefined }), [setSearch])

  const latest = useRef(text)
  useEffect(() => {
    latest.current = text
  }, [text])
  const setText = useCallback(
    (next: string) => {
      if (next === latest.current) return
      latest.current = next
      change({ text: next })
    },
    [change],
  )
  const put = useCallback((path: Path, value: Plain | undefined) => setText(putIn(latest.current, path, value)), [setText])
  const putAll = useCallback<Form['putAll']>((changes) => setText(putAllIn(latest.current, changes)), [setText])
  const ready = !broken && ['source', 'sink'].every((side) => textAt(spec, [side, 'connection']) !== '' || textAt(spec, [side, 'url']) !== '')
  const project = draft.project || draft.base?.project || DEFAULT_PROJECT
  const plan = usePlan(text, project, ready && !asText && PLANNED.has(step))
  const form: Form = { text, project, spec, put, putAll, connections, connectors, plan }

  const complete: Record<Step, boolean> = {
    source: textAt(spec, ['source', 'connection']) !== '' || textAt(spec, ['source', 'url']) !== '',
    tables: hasQuery || (!hasNothing(spec) && textAt(spec, ['source', 'connection']) !== ''),
    target: textAt(spec, ['sink', 'connection']) !== '' || textAt(spec, ['sink', 'url']) !== '',
    columns: plan.data !== null && ready,
    processors: Object.keys((get(spec, ['processors']) as object | null | undefined) ?? {}).length > 0,
    rules: ['speed', 'errors', 'schedule'].some((key) => get(spec, [key]) !== undefined),
    finish: NAME.test(draft.name) && plan.data !== null && ready,
  }
  const steps = STEPS.filter((one) => one !== 'tables' || !hasQuery)
  const at = steps.indexOf(step)
  const save = useSave(draft, change, forget)

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!event.altKey || event.ctrlKey || event.metaKey || asText) return
      const to = event.key === 'ArrowRight' ? steps[at + 1] : event.key === 'ArrowLeft' ? steps[at - 1] : undefined
      if (!to) return
      event.preventDefault()
      go({ step: to })
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  })

  const title = draft.base ? w.editTitle(draft.base.name) : w.newTitle
  const canSave = NAME.test(draft.name) && ready
  const leave = () => {
    forget()
    void navigate(draft.base ? `/jobs/${encodeURIComponent(draft.base.name)}` : '/jobs')
  }
  return (
    <FormContext.Provider value={form}>
      <Page
        title={title}
        crumbs={[{ to: '/jobs', title: shell.pages.jobs }, ...(draft.base ? [{ to: `/jobs/${encodeURIComponent(draft.base.name)}`, title: draft.base.name }] : [])]}
        sub={kept ? (draft.at > 0 ? w.keptHere : undefined) : w.notKept}
        actions={
          <>
            <SegmentedControl
              size="xs"
              value={asText ? 'yaml' : 'form'}
              onChange={(next) => go({ as: next === 'yaml' ? 'yaml' : null })}
              data={[
                { value: 'form', label: w.form },
                { value: 'yaml', label: 'YAML' },
              ]}
              aria-label={w.view}
            />
            <Button variant="default" onClick={leave}>
              {w.discard}
            </Button>
          </>
        }
      >
        {asText ? (
          <>
            <TextView text={text} setText={setText} form={form} />
            {save.error !== null && <ErrorNote error={save.error} />}
            <Group justify="flex-end" gap="xs">
              <Button onClick={() => go({ as: null, step: 'finish' })} disabled={broken}>
                {w.toFinish}
              </Button>
            </Group>
          </>
        ) : (
          <div className={classes.wizard}>
            <nav className={classes.stepper} aria-label={w.stepsLabel}>
              <ol>
                {steps.map((one, index) => (
                  <li key={one}>
                    <button type="button" aria-current={one === step ? 'step' : undefined} data-done={complete[one] || undefined} onClick={() => go({ step: one })} title={w.stepKeys}>
                      <span className={classes.stepNumber} aria-hidden>
                        {complete[one] && one !== step ? '✓' : index + 1}
                      </span>
                      <span className={classes.stepName}>{w.steps[one]}</span>
                    </button>
                  </li>
                ))}
              </ol>
            </nav>
            <div className={classes.stepBody}>
              {broken ? (
                <Note tone="failed" title={w.broken}>
                  <p>
                    {reading.problems[0]?.line}:{reading.problems[0]?.column} {reading.problems[0]?.message}
                  </p>
                  <Button mt="xs" variant="default" size="compact-xs" onClick={() => go({ as: 'yaml' })}>
                    {w.toYaml}
                  </Button>
                </Note>
              ) : (
                <>
                  {PLANNED.has(step) && !ready && <Note tone="waiting">{w.bothFirst}</Note>}
                  {step === 'source' && <SourceStep />}
                  {step === 'tables' && <TablesStep />}
                  {step === 'target' && <TargetStep />}
                  {step === 'columns' && <ColumnsStep />}
                  {step === 'processors' && <ProcessorsStep />}
                  {step === 'rules' && <RulesStep />}
                  {step === 'finish' && <FinishStep draft={draft} change={change} />}
                </>
              )}
              {save.error !== null && <ErrorNote error={save.error} />}
              <div className={classes.foot}>
                <Button variant="default" disabled={at <= 0} onClick={() => go({ step: steps[at - 1] ?? 'source' })}>
                  {w.back}
                </Button>
                <span style={{ flex: 1 }} />
                {step !== 'finish' ? (
                  <Button onClick={() => go({ step: steps[at + 1] ?? 'finish' })}>{w.next}</Button>
                ) : (
                  <>
                    <Do label={draft.base ? w.saveJob : w.create} needs="editor" where={project} disabled={!canSave} loading={save.busy === 'save'} onClick={() => void save.go(false)} />
                    <Do label={draft.base ? w.saveAndStart : w.createAndStart} icon="play" variant="filled" needs="editor" where={project} disabled={!canSave || plan.error !== null} loading={save.busy === 'start'} onClick={() => void save.go(true)} />
                  </>
                )}
              </div>
            </div>
          </div>
        )}
        {save.theirs && draft.base && (
          <Conflict
            base={draft.base.text}
            theirs={save.theirs}
            mine={text}
            onClose={() => save.settle()}
            onTake={(taken, version) => {
              change({ text: taken, base: { name: draft.base?.name ?? draft.name, version, text: save.theirs?.yaml ?? taken, project: save.theirs?.project } })
              save.settle()
              dispatch(notice(w.taken(version)))
            }}
          />
        )}
      </Page>
    </FormContext.Provider>
  )
}

function hasNothing(spec: Plain): boolean {
  const tables = get(spec, ['source', 'tables'])
  return Array.isArray(tables) && tables.length === 1 && tables[0] === '!*'
}

function changed(before: URLSearchParams, next: Partial<Record<'step' | 'as', string | null>>): URLSearchParams {
  const made = new URLSearchParams(before)
  for (const [key, value] of Object.entries(next)) {
    if (value === null || value === undefined) made.delete(key)
    else made.set(key, value)
  }
  return made
}

/** The plan of the text, asked for a moment after the last change; the one before stays until then. */
function usePlan(text: string, project: string, wanted: boolean): Form['plan'] {
  const [ask, { isLoading }] = usePlanJobMutation()
  const [answer, setAnswer] = useState<{ text: string; project: string; data: Plan | null; error: unknown } | null>(null)
  const [again, setAgain] = useState(0)
  const current = answer?.text === text && answer.project === project
  const have = current && again === 0
  useEffect(() => {
    if (!wanted || have) return
    let request: ReturnType<typeof ask> | null = null
    const timer = setTimeout(() => {
      request = ask({ yaml: text, project })
      request.unwrap().then(
        (data) => {
          setAgain(0)
          setAnswer({ text, project, data, error: null })
        },
        (error: unknown) => {
          if ((error as { name?: string }).name === 'AbortError') return
          setAgain(0)
          setAnswer((before) => ({ text, project, data: before?.data ?? null, error }))
        },
      )
    }, PLAN_WAIT_MS)
    return () => {
      clearTimeout(timer)
      request?.abort()
    }
  }, [ask, text, project, wanted, have, again])
  return { data: answer?.data ?? null, error: current ? answer.error : null, busy: wanted && (isLoading || !have), ask: () => setAgain((n) => n + 1) }
}

function useSave(draft: Draft, change: (part: Partial<Draft>) => void, forget: () => void) {
  const w = useWords(words)
  const dispatch = useAppDispatch()
  const navigate = useNavigate()
  const [create] = useCreateJobMutation()
  const [update] = useUpdateJobMutation()
  const [start] = useStartJobMutation()
  const [busy, setBusy] = useState<'save' | 'start' | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [theirs, setTheirs] = useState<Job | null>(null)
  const go = async (andStart: boolean) => {
    setBusy(andStart ? 'start' : 'save')
    setError(null)
    // The file may name the job as well; both names are one.
    const named = textAt(read(draft.text).value ?? {}, ['name'])
    const yaml = named !== '' && named !== draft.name ? putIn(draft.text, ['name'], draft.name) : draft.text
    const job = { name: draft.name, yaml, description: draft.description, priority: draft.priority, enabled: draft.enabled, ...(draft.project === '' || draft.project === draft.base?.project ? {} : { project: draft.project }) }
    try {
      const saved = draft.base ? await update({ job, version: draft.base.version }).unwrap() : await create(job).unwrap()
      if (andStart) {
        // From here on it exists: should the start fail, saving again must not make a second one.
        change({ base: { name: saved.name, version: saved.version, text: yaml, project: saved.project } })
        const run = await start({ name: saved.name }).unwrap()
        forget()
        dispatch(notice(w.started(saved.name)))
        await navigate(`/runs/${encodeURIComponent(run.id)}`)
      } else {
        forget()
        dispatch(notice(w.saved(saved.name)))
        await navigate(`/jobs/${encodeURIComponent(saved.name)}`)
      }
    } catch (thrown) {
      const problem = asProblem(thrown)
      if (problem.status === 412 && draft.base) {
        const now = await dispatch(jobsApi.endpoints.job.initiate(draft.base.name, { forceRefetch: true, subscribe: false }))
        if (now.data) setTheirs(now.data)
        else setError(now.error ?? thrown)
      } else setError(thrown)
    } finally {
      setBusy(null)
    }
  }
  return { go, busy, error, theirs, settle: () => setTheirs(null) }
}

function TextView({ text, setText, form }: { text: string; setText: (next: string) => void; form: Form }) {
  const w = useWords(words)
  const [validate, { data, error }] = useValidateJobMutation()
  const { connections, project } = form
  const schema = useJobSchema()
  const say = useWords(says)
  const names = useServerWords()
  const { tables } = useSourceTables()
  useEffect(() => {
    const timer = setTimeout(() => void validate({ yaml: text, project }), CHECK_WAIT_MS)
    return () => clearTimeout(timer)
  }, [validate, text, project])
  const hints = useCallback(
    (path: Path) => {
      const last = path.at(-1)
      if (path.length === 2 && last === 'connection') return connections.map((one) => one.name)
      if ((path[0] === 'source' && path[1] === 'tables') || (path[0] === 'columns' && path.length === 1)) return tables.map(tableName)
      if (last === 'type' && path[0] === 'columns') return TYPES
      if (path[0] === 'processors' && path[3] === 'cast' && path.length === 5) return TYPES
      return undefined
    },
    [connections, tables],
  )
  const marks = useMemo(() => data?.problems.map((one) => ({ line: one.line, column: one.column, message: [(one.code && names.title(one.code)) ?? one.title, one.detail].filter((part, at, all) => part && all.indexOf(part) === at).join(': ') })) ?? [], [data, names])
  const unplaced = data?.problems.filter((one) => one.line === undefined || one.line === null) ?? []
  const wrong = useMemo(() => check(text, schema, marks, say).map((one) => ({ ...one, line: text.slice(0, one.from).split('\n').length })), [text, schema, marks, say])
  return (
    <>
      <Editor value={text} onChange={setText} label={w.editor} schema={schema} hints={hints} marks={marks} height="min(65vh, 46rem)" />
      {wrong.length > 0 && (
        <ul className={classes.wrongs} aria-label={w.wrongs}>
          {wrong.map((one) => (
            <li key={`${one.from} ${one.message}`}>
              <Icon name="warning" size={13} />
              <code>{one.line}</code>
              <span>{one.message}</span>
            </li>
          ))}
        </ul>
      )}
      <p className={classes.quiet}>{w.editorHint}</p>
      {unplaced.map((one) => (
        <ErrorNote key={`${one.code}${one.detail}`} error={one} />
      ))}
      {error !== undefined && <ErrorNote error={error} />}
    </>
  )
}
