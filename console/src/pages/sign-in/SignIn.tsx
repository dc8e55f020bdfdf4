import { Anchor, Button, PasswordInput, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Navigate, useLocation } from 'react-router'
import { sessionApi, useSignInMutation, useWaysToSignInQuery, useWhoAmIQuery } from '@/api/session'
import { apiUrl, isElsewhere } from '@/app/config'
import { tokenGiven } from '@/app/session'
import { useAppDispatch, useAppSelector } from '@/app/store'
import { ErrorNote, Note } from '@/ui/notes'
import { useWords } from '@/words'
import { Frame } from './Frame'
import { words } from './words'

export function SignIn() {
  const w = useWords(words)
  const { status, expired } = useAppSelector((state) => state.session)
  const location = useLocation()
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [signIn, { isLoading, error }] = useSignInMutation()
  useWhoAmIQuery(undefined, { skip: status !== 'unknown' })
  const { data: ways } = useWaysToSignInQuery()
  // A sign-in with the organisation's account that failed comes back here with the code of its error.
  const failed = new URLSearchParams(location.search).get('failed')
  if (status === 'signed-in') {
    const from = (location.state as { from?: string } | null)?.from
    return <Navigate to={from ?? '/'} replace />
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void signIn({ name, password })
  }
  return (
    <Frame title={w.title}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          {ways?.setup && (
            <Note tone="waiting" title={w.noAdmin}>
              <p>{w.noAdminHint}</p>
            </Note>
          )}
          {expired && !error && <Note tone="waiting">{w.expired}</Note>}
          {failed && !error && <ErrorNote error={{ title: w.oidcFailed, status: 403, code: failed }} />}
          {error && <ErrorNote error={error} />}
          <TextInput label={w.name} value={name} onChange={(e) => setName(e.currentTarget.value)} autoComplete="username" autoFocus required withAsterisk={false} />
          <PasswordInput label={w.password} value={password} onChange={(e) => setPassword(e.currentTarget.value)} autoComplete="current-password" required withAsterisk={false} />
          <Button type="submit" size="sm" loading={isLoading} fullWidth mt="xs">
            {w.signIn}
          </Button>
          {isElsewhere() && <WithToken />}
          {ways?.provider && (
            <Anchor href={apiUrl('/session/oidc')} size="sm" ta="center">
              {w.oidc}
            </Anchor>
          )}
        </Stack>
      </form>
    </Frame>
  )
}

/** For a console on another site than its API: browsers keep no session between the two. */
function WithToken() {
  const w = useWords(words)
  const dispatch = useAppDispatch()
  const [asked, setAsked] = useState(false)
  const [token, setToken] = useState('')
  const [error, setError] = useState<unknown>(null)
  const go = async () => {
    setError(null)
    dispatch(tokenGiven(token.trim()))
    const answer = await dispatch(sessionApi.endpoints.whoAmI.initiate(undefined, { forceRefetch: true, subscribe: false }))
    if (answer.error) setError(answer.error)
  }
  if (!asked) {
    return (
      <Anchor component="button" type="button" size="sm" onClick={() => setAsked(true)}>
        {w.useToken}
      </Anchor>
    )
  }
  return (
    <>
      {error !== null && <ErrorNote error={error} />}
      <PasswordInput label={w.apiToken} description={w.apiTokenHint} value={token} onChange={(e) => setToken(e.currentTarget.value)} autoComplete="off" autoFocus />
      <Button variant="default" size="sm" fullWidth disabled={token.trim() === ''} onClick={() => void go()}>
        {w.signInWithToken}
      </Button>
    </>
  )
}
