// Who is signed in, and what proves it: a cookie with the token against forged requests, or, where the
// API is on another site and browsers send it no cookie, an API token.

import { createSlice, type PayloadAction } from '@reduxjs/toolkit'
import type { Role, Session, SessionUser } from '@/api/types'

export interface SessionState {
  /** `unknown` until the server has been asked. */
  status: 'unknown' | 'signed-in' | 'signed-out'
  user: SessionUser | null
  csrf: string | null
  /** Instead of a session: kept for this window alone. */
  token: string | null
  /** The session ended by itself while somebody was at work. */
  expired: boolean
}

const KEY = 'syncline.token'

function keptToken(): string | null {
  try {
    return sessionStorage.getItem(KEY)
  } catch {
    return null
  }
}

export function keepToken(token: string | null): void {
  try {
    if (token === null) sessionStorage.removeItem(KEY)
    else sessionStorage.setItem(KEY, token)
  } catch {
    // Gone with a reload, then.
  }
}

const nobody: SessionState = { status: 'signed-out', user: null, csrf: null, token: null, expired: false }

const slice = createSlice({
  name: 'session',
  initialState: (): SessionState => ({ ...nobody, status: 'unknown', token: keptToken() }),
  reducers: {
    sessionBegan: (state, { payload }: PayloadAction<Session>): SessionState => ({
      status: 'signed-in',
      user: payload.user,
      csrf: payload.csrf,
      token: state.token,
      expired: false,
    }),
    sessionEnded: (state): SessionState => ({ ...nobody, expired: state.status === 'signed-in' }),
    signedOut: (): SessionState => nobody,
    /** Who that is, is asked next. */
    tokenGiven: (_, { payload }: PayloadAction<string>): SessionState => ({ ...nobody, status: 'unknown', token: payload }),
  },
})

export const { sessionBegan, sessionEnded, signedOut, tokenGiven } = slice.actions
export const session = slice.reducer

const RANK: Record<Role, number> = { member: 0, viewer: 1, operator: 2, editor: 3, admin: 4 }

/** In whichever project it is. */
export const ANYWHERE = Symbol('anywhere')
export type Where = string | typeof ANYWHERE

/** Whether this user may do what needs role `needs`: everywhere, or, where a project is named, in it. */
export function may(user: SessionUser | null | undefined, needs: Role, where?: Where): boolean {
  if (!user) return false
  const enough = (role: Role | undefined) => role !== undefined && RANK[role] >= RANK[needs]
  if (enough(user.role)) return true
  if (where === undefined) return false
  return where === ANYWHERE ? Object.values(user.projects).some(enough) : enough(user.projects[where])
}
