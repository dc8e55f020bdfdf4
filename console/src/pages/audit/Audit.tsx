// Who changed what, and when. It can be read and exported, not changed.

import { Button, Group, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { type MouseEvent, useCallback, useMemo, useState } from 'react'
import { Link } from 'react-router'
import { type AuditFilter, useAuditInfiniteQuery } from '@/api/admin'
import type { AuditEntry } from '@/api/types'
import { apiUrl } from '@/app/config'
import { useAppSelector } from '@/app/store'
import { type Column, DataTable } from '@/ui/DataTable'
import { Empty, Loaded } from '@/ui/notes'
import { Icon } from '@/ui/Icon'
import { Page, Panel, Time } from '@/ui/pieces'
import { defineWords, useWords } from '@/words'
import { detailOf, placeOf, shortOf } from './told'

const words = defineWords(
  {
    title: 'Audit log',
    intro: 'Every change, who made it and from where. Nothing here can be altered.',
    export: 'Export as JSON Lines',
    actor: 'Who',
    action: 'What was done',
    target: 'To what',
    at: 'When',
    address: 'From',
    detail: 'Details',
    none: 'No entry fits',
  },
  {
    title: '审计日志',
    intro: '每一项更改、操作者及其来源。此处内容不可修改。',
    export: '导出为 JSON Lines',
    actor: '操作者',
    action: '操作',
    target: '对象',
    at: '时间',
    address: '来源',
    detail: '详情',
    none: '没有匹配的记录',
  },
)

const TYPING_MS = 250

export function Component() {
  const w = useWords(words)
  const [actor, setActor] = useState('')
  const [action, setAction] = useState('')
  const [typed] = useDebouncedValue(`${actor}\n${action}`, TYPING_MS)
  const filter = useMemo<AuditFilter>(() => {
    const [who = '', what = ''] = typed.split('\n')
    return { ...(who && { actor: who }), ...(what && { action: what }) }
  }, [typed])
  const query = useAuditInfiniteQuery(filter)
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items), [query.data])
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])
  // A link carries the session's cookie; a token has to be sent along.
  const token = useAppSelector((state) => state.session.token)
  const fetchExport = async (event: MouseEvent) => {
    if (token === null) return
    event.preventDefault()
    const answer = await fetch(apiUrl('/audit/export'), { headers: { authorization: `Bearer ${token}` } })
    const url = URL.createObjectURL(await answer.blob())
    Object.assign(document.createElement('a'), { href: url, download: 'audit.jsonl' }).click()
    URL.revokeObjectURL(url)
  }
  const columns: Column<AuditEntry>[] = [
    { id: 'at', title: w.at, width: '10.5rem', labelled: false, cell: (entry) => <Time at={entry.at} as="stamp" /> },
    { id: 'actor', title: w.actor, width: 'minmax(6rem, 0.8fr)', clip: true, labelled: false, cell: (entry) => <strong>{entry.actor}</strong> },
    { id: 'action', title: w.action, width: 'minmax(8rem, 1fr)', main: true, clip: true, cell: (entry) => <code>{entry.action}</code> },
    { id: 'target', title: w.target, width: 'minmax(7rem, 1fr)', clip: true, cell: (entry) => <Target action={entry.action} target={entry.target ?? ''} /> },
    { id: 'address', title: w.address, width: '8rem', cell: (entry) => entry.address ?? '–' },
    { id: 'detail', title: w.detail, width: 'minmax(6rem, 1.4fr)', clip: true, narrow: 'wide', labelled: false, cell: (entry) => <Detail detail={entry.detail} /> },
  ]
  return (
    <Page
      title={w.title}
      sub={w.intro}
      actions={
        <Button component="a" href={apiUrl('/audit/export')} download onClick={(event: MouseEvent) => void fetchExport(event)} variant="default" leftSection={<Icon name="download" size={14} />}>
          {w.export}
        </Button>
      }
    >
      <Group gap="xs">
        <TextInput data-search label={w.actor} style={{ flex: '1 1 9rem', maxWidth: '16rem' }} value={actor} onChange={(event) => setActor(event.currentTarget.value)} />
        <TextInput label={w.action} style={{ flex: '1 1 9rem', maxWidth: '16rem' }} value={action} onChange={(event) => setAction(event.currentTarget.value)} />
      </Group>
      <Panel flush>
        <Loaded query={{ ...query, data: rows }} rows={12} empty={(data) => data.length === 0 && <Empty title={w.none} />}>
          {(data) => <DataTable label={w.title} columns={columns} rows={data} rowKey={(entry) => entry.id} virtual onEnd={more} />}
        </Loaded>
      </Panel>
    </Page>
  )
}

function Target({ action, target }: { action: string; target: string }) {
  if (target === '') return <>–</>
  const place = placeOf(action, target)
  const short = shortOf(target)
  const name = short === target ? target : <span className="mono">{short}</span>
  return place === null ? <span title={target}>{name}</span> : <Link to={place} title={target}>{name}</Link>
}

/** In words, and all of it as it was written on demand. */
function Detail({ detail }: { detail: unknown }) {
  const said = detailOf(detail)
  if (said === '') return null
  return <span title={typeof detail === 'string' ? detail : JSON.stringify(detail)}>{said}</span>
}
