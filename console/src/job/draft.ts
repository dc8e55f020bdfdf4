// Jobs that are being written, kept in the browser at every change: a reload, a closed window or an
// ended session loses nothing.

import { useCallback, useEffect, useRef, useState } from 'react'

export interface Draft {
  id: string
  name: string
  text: string
  description: string
  priority: number
  enabled: boolean
  /** Where it is to be; nothing: the default one, or where it is. */
  project: string
  /** The job that is being changed, as it was when this began. */
  base?: { name: string; version: number; text: string; project?: string }
  /** When it was last changed. */
  at: number
}

const KEY = 'syncline.draft.'
export const NEW_TEXT = 'version: 1\n'

export function loadDraft(id: string): Draft | null {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY + id) ?? 'null') as Partial<Draft> | null
    return kept && typeof kept.text === 'string' && typeof kept.name === 'string' ? { description: '', priority: 0, enabled: true, project: '', at: 0, ...kept, id, name: kept.name, text: kept.text } : null
  } catch {
    return null
  }
}

/** Whether it is kept: the browser may have no room, or forbid it. */
export function saveDraft(draft: Draft): boolean {
  try {
    localStorage.setItem(KEY + draft.id, JSON.stringify(draft))
    return true
  } catch {
    return false
  }
}

export function dropDraft(id: string): void {
  try {
    localStorage.removeItem(KEY + id)
  } catch {
    // Then there was none.
  }
}

export const draftOfJob = (name: string) => `job.${name}`

export function freshDraft(id: string, project = ''): Draft {
  return { id, name: '', text: NEW_TEXT, description: '', priority: 0, enabled: true, project, at: 0 }
}

/** The draft and what changes it. `begin` makes it where none is kept. */
export function useDraft(id: string, begin: () => Draft) {
  const [draft, setDraft] = useState<Draft>(() => loadDraft(id) ?? begin())
  const [kept, setKept] = useState(true)
  const latest = useRef(draft)
  const change = useCallback((part: Partial<Draft>) => {
    const next = { ...latest.current, ...part, at: Date.now() }
    latest.current = next
    setDraft(next)
    setKept(saveDraft(next))
  }, [])
  const forget = useCallback(() => dropDraft(latest.current.id), [])
  useEffect(() => {
    // Another window goes on with the same draft: both show the same.
    const onStorage = (event: StorageEvent) => {
      if (event.key !== KEY + id || event.newValue === null) return
      const theirs = loadDraft(id)
      if (theirs && theirs.at > latest.current.at) {
        latest.current = theirs
        setDraft(theirs)
      }
    }
    addEventListener('storage', onStorage)
    return () => removeEventListener('storage', onStorage)
  }, [id])
  return { draft, change, forget, kept }
}

/** All drafts that are kept and were changed, the newest first. */
export function listDrafts(): Draft[] {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(KEY))
      .flatMap((key) => loadDraft(key.slice(KEY.length)) ?? [])
      .filter((draft) => draft.at > 0)
      .sort((a, b) => b.at - a.at)
  } catch {
    return []
  }
}

/** Where the draft goes on. */
export function placeOfDraft(draft: Draft): string {
  return draft.base ? `/jobs/${encodeURIComponent(draft.base.name)}/edit` : `/jobs/new?draft=${encodeURIComponent(draft.id)}`
}
