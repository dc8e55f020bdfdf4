import { Anchor, Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Link, Navigate, useLocation } from 'react-router'
import { asProblem } from '@/api/problem'
import { useSetUpMutation } from '@/api/session'
import { useAppSelector } from '@/app/store'
import { ErrorNote, Note } from '@/ui/notes'
import { useWords } from '@/words'
import { Frame } from './Frame'
import { words } from './words'

const SHORTEST = 10

export function SetUp() {
  const w = useWords(words)
  // The token stands behind the `#`, so that no server and no log sees it in an address.
  const given = useLocation().hash.replace(/^#/, '')
  const signedIn = useAppSelector((state) => state.session.status === 'signed-in')
  const [token, setToken] = useState(given)
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [again, setAgain] = useState('')
  const [tried, setTried] = useState(false)
  const [setUp, { isLoading, error }] = useSetUpMutation()
  if (signedIn) return <Navigate to="/" replace />
  const short = password.length < SHORTEST
  const differs = again !== password
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (short || differs) return
    await setUp({ token, name, password })
  }
  const gone = error !== undefined && asProblem(error).status === 410
  return (
    <Frame title={w.setUpTitle}>
      <form onSubmit={(event) => void submit(event)}>
        <Stack gap="sm">
          {gone ? (
            <Note tone="waiting" role="alert" title={w.gone}>
              <Anchor component={Link} to="/sign-in">
                {w.toSignIn}
              </Anchor>
            </Note>
          ) : (
            <Text size="sm" c="dimmed">
              {w.setUpIntro}
            </Text>
          )}
          {error && !gone && <ErrorNote error={error} />}
          <TextInput label={w.token} description={given ? undefined : w.tokenHint} value={token} onChange={(e) => setToken(e.currentTarget.value)} required withAsterisk={false} autoComplete="off" />
          <TextInput label={w.name} value={name} onChange={(e) => setName(e.currentTarget.value)} required withAsterisk={false} autoComplete="username" autoFocus />
          <PasswordInput label={w.password} value={password} onChange={(e) => setPassword(e.currentTarget.value)} required withAsterisk={false} autoComplete="new-password" description={w.tooShort} error={tried && short ? w.tooShort : undefined} />
          <PasswordInput label={w.repeat} value={again} onChange={(e) => setAgain(e.currentTarget.value)} required withAsterisk={false} autoComplete="new-password" error={tried && differs ? w.differs : undefined} />
          <Button type="submit" size="sm" loading={isLoading} fullWidth mt="xs">
            {w.create}
          </Button>
        </Stack>
      </form>
    </Frame>
  )
}
