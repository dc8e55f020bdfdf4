// One run: how far it is, how fast, what happened, and what to do about it.

import { Tabs } from '@mantine/core'
import { useParams, useSearchParams } from 'react-router'
import { useRunQuery, useRunTablesQuery } from '@/api/runs'
import type { Run } from '@/api/types'
import { useLive } from '@/live'
import { short } from '@/format'
import { Loaded } from '@/ui/notes'
import { Page, Panel, StateBadge } from '@/ui/pieces'
import { RunRoute } from '@/ui/runColumns'
import { useWords } from '@/words'
import { Buttons } from './Buttons'
import { DeadLetters } from './DeadLetters'
import { Events } from './Events'
import { Log } from './Log'
import { Splits } from './Splits'
import { Summary } from './Summary'
import { Tables } from './Tables'
import { Trouble } from './Trouble'
import { words } from './words'

/** Splits become durable by and by; rows come live. */
const ASK_AGAIN_MS = 2_000
const MOVING = new Set(['running', 'pausing', 'stopping'])

const TABS = ['tables', 'splits', 'events', 'log', 'dead-letters'] as const

export function Component() {
  const { id = '' } = useParams()
  const w = useWords(words)
  useLive({ run: id })
  const query = useRunQuery(id)
  const run = query.data
  return (
    <Page
      title={run?.job ?? w.run}
      badge={run && <StateBadge state={run.state} />}
      sub={run && <RunRoute run={run} />}
      crumbs={[{ to: '/runs', title: w.runs }]}
      actions={run && <Buttons run={run} />}
    >
      <Loaded query={query} rows={10}>
        {(loaded) => <Content run={loaded} />}
      </Loaded>
    </Page>
  )
}

function Content({ run }: { run: Run }) {
  const w = useWords(words)
  const [search, setSearch] = useSearchParams()
  const asked = search.get('tab')
  const tab = TABS.find((one) => one === asked) ?? 'tables'
  const tables = useRunTablesQuery(run.id, { pollingInterval: MOVING.has(run.state) ? ASK_AGAIN_MS : 0 })
  return (
    <>
      <Trouble run={run} />
      <Summary run={run} />
      <Panel flush>
        <Tabs
          value={tab}
          keepMounted={false}
          onChange={(next) => setSearch(next && next !== 'tables' ? { tab: next } : {}, { replace: true })}
        >
          <Tabs.List style={{ flexWrap: 'nowrap', overflowX: 'auto', overflowY: 'hidden' }}>
            {TABS.map((one) => (
              <Tabs.Tab key={one} value={one}>
                {w.tabs[one]}
                {one === 'dead-letters' && run.dead_letters > 0 ? ` · ${short(run.dead_letters)}` : ''}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value="tables">
            <Tables query={tables} run={run} />
          </Tabs.Panel>
          <Tabs.Panel value="splits">
            <Splits run={run} />
          </Tabs.Panel>
          <Tabs.Panel value="events">
            <Events run={run} />
          </Tabs.Panel>
          <Tabs.Panel value="log">
            <Log run={run} />
          </Tabs.Panel>
          <Tabs.Panel value="dead-letters">
            <DeadLetters run={run} />
          </Tabs.Panel>
        </Tabs>
      </Panel>
    </>
  )
}

