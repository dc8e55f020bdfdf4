// What somebody has to look at: the newest runs of jobs that have failed or wait for a store, why, and what to press.

import { useState } from 'react'
import { Link } from 'react-router'
import { useTroubledQuery } from '@/api/jobs'
import { useControlMutation } from '@/api/runs'
import type { Run } from '@/api/types'
import { notice } from '@/app/notices'
import { useAppDispatch } from '@/app/store'
import { Cures } from '@/job/Cures'
import { Icon } from '@/ui/Icon'
import { Note } from '@/ui/notes'
import { Do, Panel, StateBadge, Time } from '@/ui/pieces'
import { RunRoute } from '@/ui/runColumns'
import ui from '@/ui/ui.module.css'
import { Told } from '@/ui/Told'
import { useWords } from '@/words'
import { lineOf, useServerWords } from '@/words/server'
import { shared } from '@/words/shared'
import classes from './overview.module.css'
import { words } from './words'

const ASK_AGAIN_MS = 10_000
/** The rest is a press away: nobody reads thirty at once. */
const SHOWN = 5

export function Attention() {
  const w = useWords(words)
  const { data } = useTroubledQuery(undefined, { pollingInterval: ASK_AGAIN_MS, skipPollingIfUnfocused: true })
  const [all, setAll] = useState(false)
  if (!data) return null
  const { runs, more } = data
  if (runs.length === 0) return null
  const shown = all ? runs : runs.slice(0, SHOWN)
  return (
    <Panel title={w.attention} aside={<span className={ui.sub}>{w.attentionCount(runs.length, more)}</span>} flush>
      <ul className={classes.troubles}>
        {shown.map((run) => (
          <Trouble key={run.id} run={run} />
        ))}
      </ul>
      {runs.length > shown.length && (
        <button type="button" className={classes.rest} onClick={() => setAll(true)}>
          {w.showAll(runs.length)}
        </button>
      )}
      {all && more && (
        <Link className={classes.rest} to="/jobs?state=failed">
          {w.allFailed}
        </Link>
      )}
    </Panel>
  )
}

function Trouble({ run }: { run: Run }) {
  const w = useWords(words)
  const s = useWords(shared)
  const says = useServerWords()
  const named = run.error && says.title(run.error.code)
  const advice = run.error && says.advice(run.error.code)
  const dispatch = useAppDispatch()
  const [control, { isLoading }] = useControlMutation()
  const resume = () =>
    control({ id: run.id, verb: 'resume' })
      .unwrap()
      .then(() => dispatch(notice(w.resumed(run.job))))
      .catch((thrown: unknown) => {
        dispatch(notice(lineOf(thrown, says), 'failed'))
      })
  return (
    <li className={classes.trouble} data-state={run.state}>
      <div className={classes.who}>
        <Link to={`/runs/${run.id}`} className={classes.job}>
          {run.job}
        </Link>
        <StateBadge state={run.state} />
        <span className={ui.sub}>
          <RunRoute run={run} /> · <Time at={run.ended_at ?? run.updated_at} as="ago" />
        </span>
      </div>
      <div className={classes.why}>
        {run.error && <span className={classes.code}>{run.error.code}</span>}
        {named && <strong>{named} · </strong>}
        <Told>{run.error?.message ?? run.reason ?? ''}</Told>
      </div>
      {(run.error?.hint ?? advice) && (
        <div className={ui.sub} title={run.error?.hint ?? undefined}>
          <Icon name="arrow" size={12} /> {run.error?.hint ? says.tell(run.error.hint) : advice}
        </div>
      )}
      <div className={ui.cures}>
        {run.state === 'failed' && <Do label={s.verbs.resume} icon="play" size="compact-xs" needs="operator" where={run.project} variant="filled" loading={isLoading} onClick={() => void resume()} />}
        <Cures run={run} />
      </div>
    </li>
  )
}

/** Said when there is nothing to do, so that nobody has to look for it. */
export function AllWell() {
  const w = useWords(words)
  const { data } = useTroubledQuery()
  if (!data || data.runs.length > 0) return null
  return (
    <Note tone="finished" role="status">
      {w.allWell}
    </Note>
  )
}
