// The small pieces that pages are made of.

import { ActionIcon, Button, CopyButton, Group, Menu, Modal, Text, Title, Tooltip } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { type ReactNode, useEffect, useState } from 'react'
import { Link } from 'react-router'
import type { Role, RunState } from '@/api/types'
import { may, type Where } from '@/app/session'
import { useAppSelector } from '@/app/store'
import { between, duration, type Instant, percent, useFormat } from '@/format'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { Icon, type IconName } from './Icon'
import { ErrorNote } from './notes'
import classes from './ui.module.css'

interface PageProps {
  title: string
  /** Beside the title: a state, a version. */
  badge?: ReactNode
  sub?: ReactNode
  /** Where the page stands, from the list it belongs to. */
  crumbs?: { to: string; title: string }[]
  actions?: ReactNode
  children: ReactNode
}

export function Page({ title, badge, sub, crumbs, actions, children }: PageProps) {
  useDocumentTitle(`${title} · Syncline`)
  return (
    <div className={classes.page}>
      <div className={classes.head}>
        <div className={classes.titles}>
          {crumbs && (
            <nav className={classes.crumbs} aria-label="breadcrumb">
              {crumbs.map((crumb) => (
                <span key={crumb.to}>
                  <Link to={crumb.to}>{crumb.title}</Link>
                  {' / '}
                </span>
              ))}
            </nav>
          )}
          <Title order={1}>
            <span>{title}</span>
            {badge}
          </Title>
          {sub && <div className={classes.sub}>{sub}</div>}
        </div>
        {actions && <div className={classes.actions}>{actions}</div>}
      </div>
      {children}
    </div>
  )
}

export function Panel({ title, aside, flush, children }: { title?: string; aside?: ReactNode; flush?: boolean; children: ReactNode }) {
  return (
    <section className={flush ? `${classes.panel} ${classes.flush}` : classes.panel} aria-label={title}>
      {(title ?? aside) !== undefined && (
        <div className={classes.panelHead}>
          {title ? <h2>{title}</h2> : <span />}
          {aside}
        </div>
      )}
      {flush ? children : <div className={classes.panelBody}>{children}</div>}
    </section>
  )
}

export function StateBadge({ state }: { state: RunState }) {
  const w = useWords(shared)
  return (
    <span className={classes.state} data-state={state}>
      {w.states[state]}
    </span>
  )
}

type BarTone = 'failed' | 'paused' | 'finished' | 'rest'
const TONES: Partial<Record<RunState, BarTone>> = { failed: 'failed', paused: 'paused', pausing: 'paused', finished: 'finished', stopped: 'rest', stopping: 'rest' }

/** How much of it is done. Where nobody knows the whole, it moves without saying how far. */
export function Bar({ part, label, state, size }: { part: number | null; label: string; state?: RunState; size?: 'lg' }) {
  const live = part === null && (state === undefined || state === 'running')
  const value = part ?? 0
  return (
    <div className={live ? `${classes.bar} ${classes.unknown}` : classes.bar} data-size={size}>
      <div
        className={classes.track}
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={part === null ? undefined : Math.floor(part * 100)}
        aria-valuetext={percent(part)}
      >
        <div
          className={classes.fill}
          data-tone={state && TONES[state]}
          style={live ? undefined : { width: `${value * 100}%` }}
        />
      </div>
      <span className={classes.percent} aria-hidden>
        {percent(part)}
      </span>
    </div>
  )
}

/** A moment, with all of it on demand. */
export function Time({ at, as = 'moment' }: { at: Instant; as?: 'moment' | 'ago' | 'stamp' }) {
  const f = useFormat()
  if (at === null || at === undefined) return <>–</>
  const iso = typeof at === 'number' ? new Date(at).toISOString() : at
  return (
    <time dateTime={iso} title={`${f.stamp(at)} · ${iso}`} style={{ whiteSpace: 'nowrap' }}>
      {f[as](at)}
    </time>
  )
}

/** A length of time, which grows while it has no end. */
export function Elapsed({ from, to }: { from: Instant; to: Instant }) {
  const [now, setNow] = useState(Date.now)
  const open = from !== null && from !== undefined && (to === null || to === undefined)
  useEffect(() => {
    if (!open) return
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [open])
  return <span style={{ whiteSpace: 'nowrap' }}>{duration(between(from, to, Math.max(now, Date.now())))}</span>
}

export function Facts({ items }: { items: [string, ReactNode, 'wide'?][] }) {
  return (
    <dl className={classes.facts}>
      {items.map(([name, value, wide]) => (
        <div key={name} style={wide && { gridColumn: 'span 2' }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

export function Stats({ children }: { children: ReactNode }) {
  return <div className={classes.stats}>{children}</div>
}

export function Stat({ label, value, unit, note, to, tone }: { label: string; value: ReactNode; unit?: string; note?: string; to?: string; tone?: 'failed' | 'waiting' | 'running' }) {
  const inside = (
    <>
      <span className={classes.statLabel}>{label}</span>
      <span className={classes.statValue} style={tone && { color: `var(--sl-${tone})` }}>
        {value}
        {unit && <small>{unit}</small>}
      </span>
      {note && <span className={classes.statNote}>{note}</span>}
    </>
  )
  const kind = `${classes.panel} ${classes.stat}`
  return to ? (
    <Link className={kind} to={to}>
      {inside}
    </Link>
  ) : (
    <div className={kind}>{inside}</div>
  )
}

/** `shop → warehouse` */
export function Route({ from, to }: { from: string; to: string }) {
  return (
    <span className={classes.way}>
      {from}
      <Icon name="arrow" size={12} />
      {to}
    </span>
  )
}

export function Pre({ children, label }: { children: string; label: string }) {
  return (
    <pre className={classes.pre} tabIndex={0} role="region" aria-label={label}>
      {children}
    </pre>
  )
}

export function CopyValue({ value, label }: { value: string; label?: string }) {
  const w = useWords(shared)
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? w.copied : (label ?? w.copy)}>
          <ActionIcon size="sm" aria-label={label ?? w.copy} onClick={copy}>
            <Icon name={copied ? 'check' : 'copy'} size={14} />
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  )
}

/** Whether whoever is signed in may do what needs this role: everywhere, or in a project. */
export function useMay(needs: Role, where?: Where): boolean {
  return may(
    useAppSelector((state) => state.session.user),
    needs,
    where,
  )
}

interface DoProps {
  label: string
  icon?: IconName
  onClick: () => void
  /** Nothing: whoever is signed in. */
  needs?: Role
  /** The project in which the role is enough. */
  where?: Where
  disabled?: boolean
  loading?: boolean
  variant?: 'filled' | 'default' | 'subtle' | 'light'
  color?: string
  size?: 'xs' | 'compact-xs'
}

/** A button that says why somebody may not press it, rather than hide. */
export function Do({ label, icon, onClick, needs = 'member', where, disabled, loading, variant = 'default', color, size }: DoProps) {
  const w = useWords(shared)
  const allowed = useMay(needs, where)
  const button = (
    <Button
      variant={variant}
      color={color}
      size={size}
      leftSection={icon && <Icon name={icon} size={14} />}
      onClick={(event) => {
        if (allowed && !disabled) onClick()
        else event.preventDefault()
      }}
      loading={loading}
      disabled={disabled}
      data-disabled={!allowed || undefined}
      aria-disabled={!allowed || undefined}
    >
      {label}
    </Button>
  )
  return allowed ? button : <Tooltip label={w.needsRole(w.roles[needs])}>{button}</Tooltip>
}

/** Beside the button that saves a form: that there is something to save, and the way back. */
export function Unsaved({ changed, onDiscard }: { changed: boolean; onDiscard: () => void }) {
  const w = useWords(shared)
  if (!changed) return null
  return (
    <>
      <Button variant="subtle" color="gray" onClick={onDiscard}>
        {w.discard}
      </Button>
      <span className={classes.sub} role="status">
        {w.unsaved}
      </span>
    </>
  )
}

interface DialogProps {
  opened: boolean
  onClose: () => void
  title: string
  size?: 'sm'
  children: ReactNode
}

/** A window of its own over the page. */
export function Dialog(props: DialogProps) {
  const w = useWords(shared)
  return <Modal {...props} closeButtonProps={{ 'aria-label': w.close }} />
}

/** The menu at the end of a row: what else can be done with what stands there. */
export function More({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={label}>
          <Icon name="down" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  )
}

interface ConfirmProps {
  opened: boolean
  onClose: () => void
  title: string
  children: ReactNode
  verb: string
  danger?: boolean
  onConfirm: () => Promise<unknown>
}

/** Asks before what cannot be undone, and stays with the error when it fails. */
export function Confirm({ opened, onClose, title, children, verb, danger, onConfirm }: ConfirmProps) {
  const w = useWords(shared)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const close = () => {
    setError(null)
    onClose()
  }
  const confirm = async () => {
    setBusy(true)
    setError(null)
    try {
      await onConfirm()
      close()
    } catch (thrown) {
      setError(thrown)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog opened={opened} onClose={close} title={title}>
      <Text size="sm" component="div">
        {children}
      </Text>
      {error !== null && <ErrorNote error={error} />}
      <Group justify="flex-end" mt="md" gap="xs">
        <Button variant="default" onClick={close} data-autofocus>
          {w.cancel}
        </Button>
        <Button color={danger ? 'red' : undefined} onClick={() => void confirm()} loading={busy}>
          {verb}
        </Button>
      </Group>
    </Dialog>
  )
}
