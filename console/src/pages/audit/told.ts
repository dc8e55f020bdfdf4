// What an entry of the audit log is about: where its target stands in the console, and its details in words.

const PLACES: Readonly<Record<string, string>> = { run: '/runs/', job: '/jobs/', connection: '/connections/', verification: '/verifications/' }

/** The page of what was acted upon; none where it is gone, or has no page. */
export function placeOf(action: string, target: string): string | null {
  const [kind = '', verb = ''] = action.split('.')
  const place = PLACES[kind]
  return place === undefined || verb === 'delete' ? null : `${place}${encodeURIComponent(target)}`
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}([0-9a-f]{12})$/

/** A key is known by its end: what is before it is the time. */
export function shortOf(target: string): string {
  return UUID.exec(target)?.[1] ?? target
}

/** `{"version":3,"by":"password"}` as `version 3 · by password`. */
export function detailOf(detail: unknown): string {
  if (detail === null || detail === undefined) return ''
  if (typeof detail !== 'object' || Array.isArray(detail)) return wordOf(detail)
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== false && !(Array.isArray(value) && value.length === 0))
    .map(([key, value]) => (value === true ? nameOf(key) : `${nameOf(key)} ${wordOf(value)}`))
    .join(' · ')
}

const nameOf = (key: string) => key.replaceAll('_', ' ')

function wordOf(value: unknown): string {
  if (typeof value === 'string') return shortOf(value)
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) return value.map(wordOf).join(', ')
  return JSON.stringify(value)
}
