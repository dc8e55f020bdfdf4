// Lets nobody in who is not signed in; asks the server once who that is.

import { Navigate, Outlet, useLocation } from 'react-router'
import { asProblem, isUnreachable } from '@/api/problem'
import { useWhoAmIQuery } from '@/api/session'
import { ErrorNote, Loading } from '@/ui/notes'
import { useAppSelector } from './store'

const ASK_AGAIN_MS = 3_000

export function Gate() {
  const status = useAppSelector((state) => state.session.status)
  const location = useLocation()
  const { error, refetch } = useWhoAmIQuery(undefined, {
    skip: status !== 'unknown',
    pollingInterval: status === 'unknown' ? ASK_AGAIN_MS : 0,
  })
  if (status === 'signed-in') return <Outlet />
  if (status === 'signed-out') {
    const from = `${location.pathname}${location.search}`
    return <Navigate to="/sign-in" replace state={{ from: from === '/' ? undefined : from }} />
  }
  if (error && (isUnreachable(asProblem(error)) || asProblem(error).status >= 500)) {
    return (
      <div style={{ padding: '1rem', maxWidth: '40rem', margin: '10vh auto' }}>
        <ErrorNote error={error} onRetry={() => void refetch()} />
      </div>
    )
  }
  return <Loading />
}
