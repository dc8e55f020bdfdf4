// A field whose text is taken in when somebody pauses or leaves it, not at each key: where a change
// is dear, one goes on typing as fast as one can.

import { useCallback, useEffect, useRef, useState } from 'react'

const PAUSE_MS = 250

export function useTyped(value: string, take: (text: string) => void) {
  const [typed, setTyped] = useState<string | null>(null)
  const pending = useRef<string | null>(null)
  const latest = useRef(take)
  latest.current = take
  const settle = useCallback(() => {
    const text = pending.current
    if (text === null) return
    pending.current = null
    setTyped(null)
    latest.current(text)
  }, [])
  const type = useCallback((text: string) => {
    pending.current = text
    setTyped(text)
  }, [])
  const put = useCallback(
    (text: string) => {
      pending.current = text
      settle()
    },
    [settle],
  )
  useEffect(() => {
    // Emptied, it is about to be filled: that is taken in when the field is left.
    if (typed === null || typed === '') return
    const timer = setTimeout(settle, PAUSE_MS)
    return () => clearTimeout(timer)
  }, [typed, settle])
  // A row that is scrolled out of view is gone before anybody paused.
  useEffect(() => settle, [settle])
  return { text: typed ?? value, type, put, settle }
}
