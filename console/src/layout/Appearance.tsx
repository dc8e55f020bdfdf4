// Theme, language and zone of times; and who is signed in.

import { ActionIcon, Menu, useMantineColorScheme } from '@mantine/core'
import { useNavigate } from 'react-router'
import { useSignOutMutation } from '@/api/session'
import { apiUrl } from '@/app/config'
import { clockChosen, languageChosen } from '@/app/preferences'
import { useAppDispatch, useAppSelector } from '@/app/store'
import { useCloseLive } from '@/live'
import { Icon } from '@/ui/Icon'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { words } from './words'

export function Appearance({ onKeys }: { onKeys?: () => void }) {
  const w = useWords(words)
  const s = useWords(shared)
  const dispatch = useAppDispatch()
  const { language, clock } = useAppSelector((state) => state.preferences)
  const user = useAppSelector((state) => state.session.user)
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const [signOut] = useSignOutMutation()
  const closeLive = useCloseLive()
  const navigate = useNavigate()
  const tick = (on: boolean) => (on ? <Icon name="check" size={14} /> : <span style={{ width: 14 }} />)
  const leave = async () => {
    closeLive()
    await signOut().unwrap().catch(() => null)
    await navigate('/sign-in')
  }
  return (
    <Menu position="bottom-end" width={210} shadow="md">
      <Menu.Target>
        <ActionIcon size="lg" aria-label={w.account}>
          <Icon name={user ? 'user' : 'settings'} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {user && (
          <Menu.Label>
            {user.name} · {s.roles[user.role]}
          </Menu.Label>
        )}
        <Menu.Label>{w.themeTitle}</Menu.Label>
        {(['light', 'dark', 'auto'] as const).map((one) => (
          <Menu.Item key={one} leftSection={tick(colorScheme === one)} onClick={() => setColorScheme(one)}>
            {w.theme[one]}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Label>{w.language}</Menu.Label>
        <Menu.Item leftSection={tick(language === 'en')} onClick={() => dispatch(languageChosen('en'))} lang="en">
          English
        </Menu.Item>
        <Menu.Item leftSection={tick(language === 'zh')} onClick={() => dispatch(languageChosen('zh'))} lang="zh">
          中文
        </Menu.Item>
        <Menu.Divider />
        <Menu.Label>{w.clock}</Menu.Label>
        {(['local', 'utc'] as const).map((one) => (
          <Menu.Item key={one} leftSection={tick(clock === one)} onClick={() => dispatch(clockChosen(one))}>
            {w[one]}
          </Menu.Item>
        ))}
        {user && (
          <>
            <Menu.Divider />
            {onKeys && (
              <Menu.Item leftSection={<Icon name="key" size={14} />} onClick={onKeys} visibleFrom="sm">
                {w.keys}
              </Menu.Item>
            )}
            <Menu.Item component="a" href={apiUrl('').replace(/\/api\/v1$/, '/docs/api')} leftSection={<Icon name="external" size={14} />}>
              {w.apiDocs}
            </Menu.Item>
            <Menu.Item onClick={() => void leave()} leftSection={<Icon name="arrow" size={14} />}>
              {w.signOut}
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
