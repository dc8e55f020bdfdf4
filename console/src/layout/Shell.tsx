// The frame around every page of somebody who is signed in.

import { AppShell, Burger } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Suspense, useEffect, useRef } from 'react'
import { Link, NavLink, Outlet, useLocation } from 'react-router'
import { useAppSelector } from '@/app/store'
import { Icon, type IconName, Mark } from '@/ui/Icon'
import { Loading } from '@/ui/notes'
import { useMay } from '@/ui/pieces'
import { useWords } from '@/words'
import { Appearance } from './Appearance'
import { Keys } from './Keys'
import classes from './layout.module.css'
import { Notices } from './Notices'
import { useShortcuts } from './shortcuts'
import { words } from './words'

const PAGES: [keyof (typeof words)['en']['pages'], string, IconName][] = [
  ['overview', '/', 'overview'],
  ['runs', '/runs', 'runs'],
  ['jobs', '/jobs', 'jobs'],
  ['connections', '/connections', 'connections'],
  ['verifications', '/verifications', 'verify'],
  ['nodes', '/nodes', 'nodes'],
]
const OF_ADMINS: typeof PAGES = [
  ['users', '/users', 'users'],
  ['audit', '/audit', 'audit'],
  ['settings', '/settings', 'settings'],
]

export function Shell() {
  const w = useWords(words)
  const isAdmin = useMay('admin')
  const [opened, { toggle, close }] = useDisclosure(false)
  const { pathname } = useLocation()
  const main = useRef<HTMLDivElement>(null)
  const first = useRef(true)
  const [keys, { open: showKeys, close: hideKeys }] = useDisclosure(false)
  useShortcuts(showKeys)
  useEffect(() => {
    close()
    // A new page begins at its top, and a screen reader begins with it.
    if (first.current) {
      first.current = false
      return
    }
    window.scrollTo(0, 0)
    main.current?.focus({ preventScroll: true })
  }, [pathname, close])
  const link = ([key, to, icon]: (typeof PAGES)[number]) => (
    <NavLink key={to} to={to} end={to === '/'} className={classes.item}>
      <Icon name={icon} />
      {w.pages[key]}
    </NavLink>
  )
  return (
    <AppShell header={{ height: 48 }} navbar={{ width: 196, breakpoint: 'sm', collapsed: { mobile: !opened } }} padding="md">
      <a className={classes.skip} href="#content">
        {w.skip}
      </a>
      <AppShell.Header>
        <div className={classes.header}>
          <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={w.menu} />
          <Link to="/" className={classes.brand}>
            <Mark />
            Syncline
          </Link>
          <span className={classes.grow} />
          <Live />
          <Appearance onKeys={showKeys} />
        </div>
      </AppShell.Header>
      <AppShell.Navbar>
        <nav className={classes.nav} aria-label={w.nav}>
          {PAGES.map(link)}
          <h2>{w.administration}</h2>
          {link(['projects', '/projects', 'projects'])}
          {link(['tokens', '/tokens', 'tokens'])}
          {isAdmin && OF_ADMINS.map(link)}
        </nav>
      </AppShell.Navbar>
      <AppShell.Main className={classes.main} id="content" tabIndex={-1} ref={main} style={{ outline: 'none' }}>
        <div className={classes.inner}>
          <Suspense fallback={<Loading />}>
            <Outlet />
          </Suspense>
        </div>
      </AppShell.Main>
      <Notices />
      <Keys opened={keys} onClose={hideKeys} />
    </AppShell>
  )
}

function Live() {
  const w = useWords(words)
  const status = useAppSelector((state) => state.live.status)
  if (status === 'idle') return null
  return (
    <span className={classes.live} data-status={status} role="status" title={w.live[status]}>
      <span>{w.live[status]}</span>
    </span>
  )
}
