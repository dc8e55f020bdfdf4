// Errors, whatever they come from, as problems: what the server said, or what kept us from it.

import type { Problem } from './types'

const UNREACHABLE = 0

export function unreachable(cause: unknown): Problem {
  return {
    title: 'The server cannot be reached',
    status: UNREACHABLE,
    detail: cause instanceof Error ? cause.message : String(cause),
  }
}

export function isUnreachable(problem: Problem): boolean {
  return problem.status === UNREACHABLE
}

/** What an answer that is no success says. */
export async function problemOf(answer: Response): Promise<Problem> {
  const type = answer.headers.get('content-type') ?? ''
  if (type.includes('json')) {
    try {
      const body = (await answer.json()) as Partial<Problem>
      if (typeof body.title === 'string' || typeof body.detail === 'string') {
        return { ...body, title: body.title ?? answer.statusText, status: answer.status }
      }
    } catch {
      // The body is no JSON after all; the status has to do.
    }
  }
  return { title: answer.statusText || `HTTP ${answer.status}`, status: answer.status }
}

/** Reads anything thrown or answered as a problem. */
export function asProblem(error: unknown): Problem {
  if (typeof error === 'object' && error !== null) {
    if ('title' in error && 'status' in error) return error as Problem
    if (error instanceof Error) return { title: error.message, status: UNREACHABLE }
    if ('message' in error && typeof error.message === 'string') return { title: error.message, status: UNREACHABLE }
  }
  return { title: String(error), status: UNREACHABLE }
}
