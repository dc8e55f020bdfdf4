// Keys: `g` and a letter goes to a page, `/` to the page's search.

import { useEffect } from 'react'
import { useNavigate } from 'react-router'

const PAGES: Record<string, string> = {
  o: '/',
  r: '/runs',
  j: '/jobs',
  c: '/connections',
  v: '/verifications',
  n: '/jobs/new',
  s: '/settings',
}
const TOGETHER_MS = 1_200

function writesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
}

export function useShortcuts(): void {
  const navigate = useNavigate()
  useEffect(() => {
    let began = 0
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || writesText(event.target)) return
      if (event.key === '/') {
        const search = document.querySelector<HTMLInputElement>('[data-search]')
        if (search) {
          event.preventDefault()
          search.focus()
        }
        return
      }
      if (event.key === 'g') {
        began = event.timeStamp
        return
      }
      const page = PAGES[event.key]
      if (page && event.timeStamp - began < TOGETHER_MS) void navigate(page)
      began = 0
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [navigate])
}
