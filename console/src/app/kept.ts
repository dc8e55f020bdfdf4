// A form that is being filled survives a reload: what was typed is kept for this window, without its secrets.

import { useState } from 'react'

const PREFIX = 'syncline.form.'

function read<T>(key: string): T | null {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + key) ?? 'null') as T | null
  } catch {
    return null
  }
}

function write(key: string, value: unknown): void {
  try {
    if (value === null) sessionStorage.removeItem(PREFIX + key)
    else sessionStorage.setItem(PREFIX + key, JSON.stringify(value))
  } catch {
    // Not kept over a reload, then.
  }
}

export interface Kept<T> {
  value: T
  set: (next: T) => void
  /** Saved, or given up: nothing is kept any more. */
  forget: (next: T) => void
  /** Something was typed that is not saved. */
  changed: boolean
}

/** A state that is kept under `key` from its first change on, as `bare` leaves it. */
export function useKept<T>(key: string, begin: () => T, bare: (value: T) => T): Kept<T> {
  const [{ value, changed }, hold] = useState(() => {
    const kept = read<T>(key)
    return { value: kept ?? begin(), changed: kept !== null }
  })
  return {
    value,
    changed,
    set: (next) => {
      hold({ value: next, changed: true })
      write(key, bare(next))
    },
    forget: (next) => {
      hold({ value: next, changed: false })
      write(key, null)
    },
  }
}
