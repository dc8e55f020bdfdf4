// What is shown when a page throws: the words, and a way on. A chunk that is gone because the server
// was updated is loaded anew.

import { Button } from '@mantine/core'
import { useEffect } from 'react'
import { isRouteErrorResponse, useRouteError } from 'react-router'
import { Note } from '@/ui/notes'
import { Pre } from '@/ui/pieces'
import { useWords } from '@/words'
import { shared } from '@/words/shared'

const RELOADED = 'syncline.reloaded'

function isMissingChunk(error: unknown): boolean {
  return error instanceof TypeError && /dynamically imported module|module script/i.test(error.message)
}

export function Fault() {
  const error = useRouteError()
  const w = useWords(shared)
  const missing = isMissingChunk(error)
  useEffect(() => {
    if (!missing || sessionStorage.getItem(RELOADED) === location.href) return
    sessionStorage.setItem(RELOADED, location.href)
    location.reload()
  }, [missing])
  const text = isRouteErrorResponse(error)
    ? `${error.status} ${error.statusText}`
    : error instanceof Error
      ? (error.stack ?? error.message)
      : String(error)
  return (
    <div style={{ padding: '1rem', display: 'grid', gap: '1rem' }}>
      <Note tone="failed" role="alert" title={w.somethingBroke}>
        <p>{w.somethingBrokeHint}</p>
        <Button mt="xs" variant="default" size="compact-xs" onClick={() => location.reload()}>
          {w.retry}
        </Button>
      </Note>
      <Pre label={w.details}>{text}</Pre>
    </div>
  )
}
