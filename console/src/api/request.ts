// One request to the API: the session's cookie (or a token), the CSRF header on what changes something,
// an idempotency key on POST (so that a lost answer can be asked for again), If-Match on edits.

import type { BaseQueryFn } from '@reduxjs/toolkit/query'
import { apiUrl } from '@/app/config'
import { sessionEnded, type SessionState } from '@/app/session'
import { problemOf, unreachable } from './problem'
import type { Problem } from './types'

export interface Request {
  path: string
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  query?: Record<string, string | number | boolean | null | undefined>
  body?: unknown
  /** Sent as it is, instead of a JSON body. */
  text?: string
  /** The version that is being changed. */
  ifMatch?: number
  /** Read the answer as text. */
  asText?: boolean
}
export interface Meta {
  /** The version that the answer is of. */
  version?: number
}

export type Query = BaseQueryFn<Request, unknown, Problem, object, Meta>

export function pathWithQuery(path: string, query: Request['query']): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') search.set(key, String(value))
  }
  const text = search.toString()
  return text === '' ? path : `${path}?${text}`
}

/** 128 random bits. `crypto.randomUUID` is missing on plain HTTP, this is not. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')
}

const RETRY_AFTER_MS = 400

async function send(url: string, init: RequestInit, again: boolean): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    if (!again || init.signal?.aborted) throw error
    await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS))
    return fetch(url, init)
  }
}

export const request: Query = async (args, { signal, getState, dispatch }) => {
  const method = args.method ?? 'GET'
  const headers: Record<string, string> = { accept: args.asText ? '*/*' : 'application/json' }
  let body: string | undefined
  if (args.text !== undefined) {
    headers['content-type'] = 'text/plain; charset=utf-8'
    body = args.text
  } else if (args.body !== undefined) {
    headers['content-type'] = 'application/json'
    body = JSON.stringify(args.body)
  }
  const { csrf, token } = (getState() as { session: SessionState }).session
  if (token !== null) headers.authorization = `Bearer ${token}`
  else if (method !== 'GET' && csrf !== null) headers['x-csrf-token'] = csrf
  if (method === 'POST') headers['idempotency-key'] = randomKey()
  if (args.ifMatch !== undefined) headers['if-match'] = `"${args.ifMatch}"`

  let answer: Response
  try {
    // A GET may be sent twice; a POST too, because it has a key.
    const again = method === 'GET' || method === 'POST'
    const url = apiUrl(pathWithQuery(args.path, args.query))
    answer = await send(url, { method, headers, body, signal, credentials: token === null ? 'include' : 'omit' }, again)
  } catch (error) {
    return { error: unreachable(error) }
  }
  if (!answer.ok) {
    const problem = await problemOf(answer)
    if (answer.status === 401 && args.path !== '/session') dispatch(sessionEnded())
    return { error: problem }
  }
  const meta: Meta = {}
  const tag = /^(?:W\/)?"(\d+)"$/.exec(answer.headers.get('etag') ?? '')
  if (tag) meta.version = Number(tag[1])
  if (answer.status === 204) return { data: null, meta }
  try {
    return { data: args.asText ? await answer.text() : await answer.json(), meta }
  } catch (error) {
    return { error: { ...unreachable(error), title: 'The answer is no JSON' } }
  }
}
