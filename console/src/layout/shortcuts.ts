// Keys: `g` and a letter goes to a page, `/` to the page's search, `?` shows them.

import { useEffect } from 'react'
import { useNavigate } from 'react-router'

export const GOES_TO = [
  { key: 'o', page: 'overview', to: '/' },
  { key: 'r', page: 'runs', to: '/runs' },
  { key: 'j', page: 'jobs', to: '/jobs' },
  { key: 'c', page: 'connections', to: '/connections' },
  { key: 'v', page: 'verifications', to: '/verifications' },
  { key: 'p', page: 'projects', to: '/projects' },
  { key: 'n', page: 'newJob', to: '/jobs/new' },
  { key: 's', page: 'settings', to: '/settings' },
] as const
const TOGETHER_MS = 1_200

function writesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
}

export function useShortcuts(showKeys: () => void): void {
  const navigate = useNavigate()
  useEffect(() => {
    let began = 0
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || writesText(event.target)) return
      if (event.key === '?') {
        showKeys()
        return
      }
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
      const page = GOES_TO.find((one) => one.key === event.key)
      if (page && event.timeStamp - began < TOGETHER_MS) void navigate(page.to)
      began = 0
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [navigate, showKeys])
}
