// What a page shows when it has nothing to show: an error, emptiness, a wait.

import { Button, Skeleton, Stack } from '@mantine/core'
import { type CSSProperties, type ReactNode, useEffect } from 'react'
import { asProblem, isUnreachable } from '@/api/problem'
import { useWords } from '@/words'
import { useServerWords } from '@/words/server'
import { shared } from '@/words/shared'
import { Icon, type IconName } from './Icon'
import classes from './ui.module.css'

type Tone = 'failed' | 'waiting' | 'paused' | 'running' | 'finished'
const ICONS: Record<Tone, IconName> = { failed: 'warning', waiting: 'warning', paused: 'pause', running: 'info', finished: 'check' }

export function Note({ tone, title, children, role }: { tone: Tone; title?: ReactNode; children?: ReactNode; role?: 'alert' | 'status' }) {
  return (
    <div className={classes.note} role={role} style={{ '--tone': `var(--sl-${tone})` } as CSSProperties}>
      <Icon name={ICONS[tone]} />
      <div className={classes.noteBody}>
        {title !== undefined && <div className={classes.noteTitle}>{title}</div>}
        {children}
      </div>
    </div>
  )
}

/** An error with its code, its words and what to do about it. */
export function ErrorNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const w = useWords(shared)
  const problem = asProblem(error)
  const down = isUnreachable(problem)
  const says = useServerWords()
  const named = problem.code ? says.title(problem.code) : null
  const advice = problem.code ? says.advice(problem.code) : null
  const title = down ? w.unreachable : (named ?? problem.title)
  // Where the code is named in another language, the server's own words stand below it.
  const detail = problem.detail ?? (named === null ? undefined : problem.title)
  const where = [problem.at, problem.line ? `${problem.line}:${problem.column ?? 1}` : ''].filter(Boolean).join(' ')
  return (
    <Note
      tone="failed"
      role="alert"
      title={
        <>
          {problem.code && <span className={classes.code}>{problem.code}</span>}
          {title}
        </>
      }
    >
      {detail && detail !== title && <p>{says.tell(detail)}</p>}
      {where !== '' && (
        <p>
          <code>{where}</code>
        </p>
      )}
      {advice && (
        <p>
          <Icon name="arrow" size={12} /> {advice}
        </p>
      )}
      {(problem.hint ?? (down ? w.unreachableHint : undefined)) && (
        <p className={advice ? classes.sub : undefined}>
          <Icon name="arrow" size={12} /> {problem.hint ? says.tell(problem.hint) : w.unreachableHint}
        </p>
      )}
      {onRetry && (
        <Button mt="xs" variant="default" size="compact-xs" onClick={onRetry}>
          {w.retry}
        </Button>
      )}
    </Note>
  )
}

/** Why a form was not saved: where somebody else was quicker, with the way to begin anew with what is there now. */
export function NotSaved({ error, overtaken, onReload }: { error: unknown; overtaken?: string; onReload?: () => void }) {
  const w = useWords(shared)
  if (!error) return null
  if (asProblem(error).status !== 412) return <ErrorNote error={error} />
  return (
    <Note tone="waiting" role="alert" title={overtaken ?? w.overtaken}>
      <p>{w.overtakenHint}</p>
      <Button mt="xs" size="compact-xs" variant="default" onClick={onReload}>
        {w.reload}
      </Button>
    </Note>
  )
}

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={classes.empty}>
      <strong>{title}</strong>
      {children && <div>{children}</div>}
      {action && <div style={{ marginTop: '0.5rem' }}>{action}</div>}
    </div>
  )
}

export function Loading({ rows = 6 }: { rows?: number }) {
  const w = useWords(shared)
  return (
    <Stack gap="xs" p="md" role="status" aria-label={w.loading}>
      {Array.from({ length: rows }, (_, i) => (
        <Skeleton key={i} height={14} width={`${92 - ((i * 17) % 45)}%`} radius="sm" />
      ))}
    </Stack>
  )
}

interface Asked<T> {
  data?: T
  error?: unknown
  refetch?: () => unknown
}

const ASK_AGAIN_MS = 5_000

/** The answer of a query, or what stands in its place: a wait, an error that tries again, emptiness. */
export function Loaded<T>({ query, empty, rows, children }: { query: Asked<T>; empty?: (data: T) => ReactNode; rows?: number; children: (data: T) => ReactNode }) {
  const { data, error, refetch } = query
  const down = error !== undefined && isUnreachable(asProblem(error))
  useEffect(() => {
    if (!down || !refetch) return
    const timer = setInterval(() => void refetch(), ASK_AGAIN_MS)
    return () => clearInterval(timer)
  }, [down, refetch])
  if (data === undefined) {
    if (error === undefined) return <Loading rows={rows} />
    return <ErrorNote error={error} onRetry={refetch && (() => void refetch())} />
  }
  const nothing = empty?.(data)
  // What was loaded before stays in view while the server is away.
  return (
    <>
      {error !== undefined && !down && <ErrorNote error={error} onRetry={refetch && (() => void refetch())} />}
      {nothing || children(data)}
    </>
  )
}
