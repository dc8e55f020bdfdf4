// Where the API is. `config.json` stands beside the console's files, so that the console can be
// served alone by any web server: {"api": "https://syncline.example.org/api/v1"}.

export interface Config {
  /** Address of the API, without a slash at its end. */
  api: string
}

const config: Config = { api: '/api/v1' }

export async function loadConfig(): Promise<void> {
  try {
    const answer = await fetch(`${import.meta.env.BASE_URL}config.json`, { cache: 'no-cache' })
    if (!answer.ok) return
    const given = (await answer.json()) as Partial<Config>
    if (typeof given.api === 'string' && given.api !== '') config.api = given.api.replace(/\/+$/, '')
  } catch {
    // Without a configuration the API is where the console came from.
  }
}

export function apiUrl(path: string): string {
  return `${config.api}${path}`
}

/** Whether the API has another origin than the page. */
export function isElsewhere(base = config.api, page = globalThis.location?.href): boolean {
  return new URL(base, page).origin !== new URL(page).origin
}

/** The address of the live WebSocket. */
export function liveUrl(after: number | null, base = config.api, page = globalThis.location?.href): string {
  const url = new URL(`${base}/live`, page)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  if (after !== null) url.searchParams.set('after', String(after))
  return url.href
}
