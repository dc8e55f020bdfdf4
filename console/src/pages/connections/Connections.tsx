import { TextInput } from '@mantine/core'
import { useMemo, useState } from 'react'
import { Link, useNavigate } from 'react-router'
import { useConnectionsQuery, useConnectorsQuery } from '@/api/connections'
import type { Connection } from '@/api/types'
import { type Column, DataTable } from '@/ui/DataTable'
import { Icon } from '@/ui/Icon'
import { Empty, Loaded } from '@/ui/notes'
import { Do, Page, Panel, Time } from '@/ui/pieces'
import { ProjectTag } from '@/ui/ProjectTag'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { words } from './words'

/** From so many on there is a search. */
const MANY = 8

export function Component() {
  const w = useWords(words)
  const s = useWords(shared)
  const navigate = useNavigate()
  const query = useConnectionsQuery()
  const { data: connectors } = useConnectorsQuery()
  const [find, setFind] = useState('')
  const titles = useMemo(() => new Map(connectors?.map((one) => [one.id, one.title])), [connectors])
  const columns: Column<Connection>[] = [
    { id: 'name', title: s.name, width: 'minmax(9rem, 1fr)', main: true, clip: true, cell: (one) => <><Link to={`/connections/${encodeURIComponent(one.name)}`}>{one.name}</Link>{one.projects.map((project) => <ProjectTag key={project} of={project} always />)}</> },
    { id: 'connector', title: w.connector, width: '11rem', labelled: false, cell: (one) => titles.get(one.connector) ?? one.connector },
    { id: 'url', title: w.url, width: 'minmax(12rem, 2fr)', clip: true, narrow: 'wide', labelled: false, cell: (one) => <code title={one.url}>{one.url}</code> },
    { id: 'used', title: w.usedBy, width: '6rem', right: true, cell: (one) => <span title={one.used_by.join(', ')}>{w.jobs(one.used_by.length)}</span> },
    { id: 'updated', title: w.updated, width: '9rem', cell: (one) => <Time at={one.updated_at} as="ago" /> },
  ]
  const create = <Do label={w.new} icon="plus" variant="filled" needs="editor" onClick={() => void navigate('/connections/new')} />
  return (
    <Page title={w.title} actions={create}>
      <Loaded
        query={query}
        empty={(data) => data.length === 0 && <Panel flush><Empty title={w.none} action={create}>{w.noneHint}</Empty></Panel>}
      >
        {(data) => {
          const wanted = find.toLowerCase()
          const rows = data.filter((one) => `${one.name} ${titles.get(one.connector) ?? one.connector} ${one.url}`.toLowerCase().includes(wanted))
          return (
            <>
              {data.length >= MANY && (
                <TextInput data-search aria-label={s.search} placeholder={w.find} leftSection={<Icon name="search" size={14} />} value={find} onChange={(event) => setFind(event.currentTarget.value)} maw={360} />
              )}
              <Panel flush>
                {rows.length === 0 ? (
                  <Empty title={w.noMatch} />
                ) : (
                  <DataTable label={w.title} columns={columns} rows={rows} rowKey={(one) => one.name} linked virtual={rows.length > 100} />
                )}
              </Panel>
            </>
          )
        }}
      </Loaded>
    </Page>
  )
}
