import { CloseButton } from '@mantine/core'
import { useEffect } from 'react'
import { type Notice, noticeGone } from '@/app/notices'
import { useAppDispatch, useAppSelector } from '@/app/store'
import { Icon } from '@/ui/Icon'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import classes from './layout.module.css'

const SHOWN_MS = 5_000

export function Notices() {
  const notices = useAppSelector((state) => state.notices)
  return (
    <div className={classes.notices} role="status" aria-live="polite">
      {notices.map((one) => (
        <One key={one.id} notice={one} />
      ))}
    </div>
  )
}

function One({ notice }: { notice: Notice }) {
  const dispatch = useAppDispatch()
  const w = useWords(shared)
  useEffect(() => {
    // An error stays until it is put away.
    if (notice.tone === 'failed') return
    const timer = setTimeout(() => dispatch(noticeGone(notice.id)), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [dispatch, notice])
  return (
    <div className={classes.notice}>
      <span style={{ color: `var(--sl-${notice.tone})`, display: 'inline-flex' }}>
        <Icon name={notice.tone === 'failed' ? 'warning' : 'check'} />
      </span>
      <span style={{ flex: 1 }}>{notice.text}</span>
      <CloseButton size="sm" aria-label={w.dismiss} onClick={() => dispatch(noticeGone(notice.id))} />
    </div>
  )
}
