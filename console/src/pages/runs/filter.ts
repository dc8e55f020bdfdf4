// The filter of the history stands in the address, so that a reload or a link shows the same.

import type { RunFilter } from '@/api/runs'

const KEYS = ['job', 'state', 'project', 'q', 'since', 'until'] as const

export function filterOf(search: URLSearchParams): RunFilter {
  const filter: RunFilter = {}
  for (const key of KEYS) {
    const value = search.get(key)
    if (value) filter[key] = value
  }
  return filter
}

export function searchOf(filter: RunFilter): URLSearchParams {
  const search = new URLSearchParams()
  for (const key of KEYS) if (filter[key]) search.set(key, filter[key])
  return search
}

/** A day of a date field as the first (or the last) moment of it, in the zone of the browser. */
export function dayStart(day: string): string {
  return new Date(`${day}T00:00:00`).toISOString()
}
export function dayEnd(day: string): string {
  return new Date(`${day}T23:59:59.999`).toISOString()
}

/** The other way round, for the field. */
export function dayOf(at: string | undefined): string {
  if (!at || Number.isNaN(Date.parse(at))) return ''
  const d = new Date(at)
  return `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, '0')}-${String(d.getDate()).padStart(2, '0')}`
}
