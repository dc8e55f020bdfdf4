// Who is signed in, and the token that proves a request comes from this console.

import { createSlice, type PayloadAction } from '@reduxjs/toolkit'
import type { Role, Session, SessionUser } from '@/api/types'

export interface SessionState {
  /** `unknown` until the server has been asked. */
  status: 'unknown' | 'signed-in' | 'signed-out'
  user: SessionUser | null
  csrf: string | null
  /** The session ended by itself while somebody was at work. */
  expired: boolean
}

const initialState: SessionState = { status: 'unknown', user: null, csrf: null, expired: false }

const slice = createSlice({
  name: 'session',
  initialState,
  reducers: {
    sessionBegan: (_, { payload }: PayloadAction<Session>): SessionState => ({
      status: 'signed-in',
      user: payload.user,
      csrf: payload.csrf,
      expired: false,
    }),
    sessionEnded: (state): SessionState => ({
      ...initialState,
      status: 'signed-out',
      expired: state.status === 'signed-in',
    }),
    signedOut: (): SessionState => ({ ...initialState, status: 'signed-out' }),
  },
})

export const { sessionBegan, sessionEnded, signedOut } = slice.actions
export const session = slice.reducer

const RANK: Record<Role, number> = { viewer: 0, operator: 1, editor: 2, admin: 3 }

/** Whether somebody of role `has` may do what needs role `needs`. */
export function may(has: Role | undefined, needs: Role): boolean {
  return has !== undefined && RANK[has] >= RANK[needs]
}
