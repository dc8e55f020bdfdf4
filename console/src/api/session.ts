import { sessionBegan, sessionEnded, signedOut } from '@/app/session'
import { api } from './api'
import { call } from './call'
import type { LiveTicket, Session } from './types'

export interface Credentials {
  name: string
  password: string
}

/** How people sign in here. */
export interface Ways {
  /** There is no admin yet. */
  setup: boolean
  password: boolean
  /** An account of the organisation. */
  provider: boolean
}

export const sessionApi = api.injectEndpoints({
  endpoints: (build) => ({
    whoAmI: build.query<Session, void>({
      query: () => call('get', '/session'),
      async onQueryStarted(_, { dispatch, queryFulfilled }) {
        try {
          dispatch(sessionBegan((await queryFulfilled).data))
        } catch (thrown) {
          const status = (thrown as { error?: { status?: number } }).error?.status
          // A server that is down says nothing about the session.
          if (status === 401 || status === 403) dispatch(sessionEnded())
        }
      },
    }),
    /** Lets this page open the live connection where the browser sends no session with it. */
    liveTicket: build.mutation<LiveTicket, void>({
      query: () => call('post', '/live-tickets', { body: {} }),
    }),
    waysToSignIn: build.query<Ways, void>({
      query: () => call('get', '/session/ways'),
    }),
    signIn: build.mutation<Session, Credentials>({
      query: (body) => call('post', '/session', { body }),
      async onQueryStarted(_, { dispatch, queryFulfilled }) {
        const { data } = await queryFulfilled.catch(() => ({ data: null }))
        if (data) dispatch(sessionBegan(data))
      },
    }),
    setUp: build.mutation<Session, Credentials & { token: string }>({
      query: (body) => call('post', '/setup', { body }),
      async onQueryStarted(_, { dispatch, queryFulfilled }) {
        const { data } = await queryFulfilled.catch(() => ({ data: null }))
        if (data) dispatch(sessionBegan(data))
      },
    }),
    signOut: build.mutation<null, void>({
      query: () => call('delete', '/session'),
      async onQueryStarted(_, { dispatch, queryFulfilled }) {
        await queryFulfilled.catch(() => null)
        dispatch(signedOut())
        dispatch(api.util.resetApiState())
      },
    }),
  }),
})

export const { useWhoAmIQuery, useWaysToSignInQuery, useSignInMutation, useSetUpMutation, useSignOutMutation } = sessionApi
