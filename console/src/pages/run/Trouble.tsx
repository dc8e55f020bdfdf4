// Why a run does not move, in words, with what to do and where.

import { useEffect, useState } from 'react'
import type { Run } from '@/api/types'
import { useAppSelector } from '@/app/store'
import { duration } from '@/format'
import { Cures } from '@/job/Cures'
import { Note } from '@/ui/notes'
import { Icon } from '@/ui/Icon'
import ui from '@/ui/ui.module.css'
import { Told } from '@/ui/Told'
import { useWords } from '@/words'
import { useServerWords } from '@/words/server'
import { words } from './words'

export function Trouble({ run }: { run: Run }) {
  const w = useWords(words)
  const says = useServerWords()
  if (run.state === 'failed') {
    const named = run.error && says.title(run.error.code)
    const advice = run.error && says.advice(run.error.code)
    const words = run.error?.message ?? run.reason ?? ''
    return (
      <Note
        tone="failed"
        role="alert"
        title={
          <>
            {run.error && <span className={ui.code}>{run.error.code}</span>}
            {named ?? <Told>{words}</Told>}
          </>
        }
      >
        {named && <p>{says.tell(words)}</p>}
        {advice && (
          <p>
            <Icon name="arrow" size={12} /> {advice}
          </p>
        )}
        {run.error?.hint && (
          <p className={advice ? ui.sub : undefined}>
            <Icon name="arrow" size={12} /> {says.tell(run.error.hint)}
          </p>
        )}
        <p className={ui.sub}>{w.failed}</p>
        <div className={ui.cures}>
          <Cures run={run} />
        </div>
      </Note>
    )
  }
  const why = run.waits_for ?? run.reason
  if ((run.state === 'waiting' || run.state === 'created' || run.state === 'paused') && why) {
    return (
      <Note tone={run.state === 'paused' ? 'paused' : 'waiting'} role="status" title={<Told>{why}</Told>}>
        <NextTry run={run.id} />
        {run.state === 'waiting' && !run.waits_for && (
          <div className={ui.cures}>
            <Cures run={run} />
          </div>
        )}
      </Note>
    )
  }
  return null
}

function NextTry({ run }: { run: string }) {
  const w = useWords(words)
  const at = useAppSelector((state) => state.live.runs[run]?.retryAt ?? null)
  const [now, setNow] = useState(() => Date.now() / 1000)
  useEffect(() => {
    if (at === null) return
    const timer = setInterval(() => setNow(Date.now() / 1000), 500)
    return () => clearInterval(timer)
  }, [at])
  if (at === null || at <= now) return null
  return <p>{w.nextTry(duration((at - now) * 1000))}</p>
}
