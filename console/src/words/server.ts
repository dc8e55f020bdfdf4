// What the server says, in the language of the console: titles of error codes, and its sentences as far
// as they are known. In English it is the server's own words.

import { useCallback, useEffect, useSyncExternalStore } from 'react'
import { asProblem } from '@/api/problem'
import { useAppSelector } from '@/app/store'

export interface ServerWords {
  /** What an error code names; nothing where the server's own words do. */
  title: (code: string) => string | null
  /** What to do about it, in general. */
  advice: (code: string) => string | null
  /** A sentence, or the text as it is. */
  tell: (text: string) => string
}

const AS_IT_IS: ServerWords = { title: () => null, advice: () => null, tell: (text) => text }

let chinese: ServerWords | null = null
const listeners = new Set<() => void>()
const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

async function load() {
  const loaded = await import('./chinese')
  chinese = loaded.chinese
  for (const listener of listeners) listener()
}

export function useServerWords(): ServerWords {
  const language = useAppSelector((state) => state.preferences.language)
  const words = useSyncExternalStore(subscribe, () => (language === 'zh' ? (chinese ?? AS_IT_IS) : AS_IT_IS))
  useEffect(() => {
    // Where it cannot be loaded, English has to do.
    if (language === 'zh' && chinese === null) load().catch(() => undefined)
  }, [language])
  return words
}

/** Says of whatever was thrown, in a line, what went wrong. */
export function useProblemLine(): (thrown: unknown) => string {
  const says = useServerWords()
  return useCallback((thrown) => lineOf(thrown, says), [says])
}

export function lineOf(thrown: unknown, says: ServerWords): string {
  const { code, title, detail } = asProblem(thrown)
  const named = code ? says.title(code) : null
  const words = says.tell(detail ?? title)
  return [code, named === null ? words : `${named}：${words}`].filter(Boolean).join(' ')
}
