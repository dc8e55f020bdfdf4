// Where rows come from, and which: tables or a query, once or with the changes that follow.

import { Radio, SegmentedControl, Select, Stack } from '@mantine/core'
import { Link, useLocation } from 'react-router'
import { Icon } from '@/ui/Icon'
import { Empty, Note } from '@/ui/notes'
import { Panel } from '@/ui/pieces'
import { useWords } from '@/words'
import { get } from '@/yaml/document'
import { ChoiceField, connectionAt, connectorOf, NumberField, TextField, textAt, useForm } from '../form'
import { words } from '../words'
import classes from '../wizard.module.css'

const MODES = ['', 'full+changes', 'changes'] as const

export function ConnectionPick({ side }: { side: 'source' | 'sink' }) {
  const w = useWords(words)
  const form = useForm()
  const { spec, put, putAll, connections, connectors } = form
  const here = useLocation()
  const toNew = `/connections/new?back=${encodeURIComponent(here.pathname + here.search)}`
  const usable = connections.filter((one) => {
    const connector = connectors.find((other) => other.id === one.connector)
    return !connector || (side === 'sink' ? connector.roles.sink : connector.roles.source.length > 0)
  })
  const chosen = textAt(spec, [side, 'connection'])
  const url = textAt(spec, [side, 'url'])
  if (connections.length === 0 && chosen === '' && url === '') {
    return (
      <Empty title={w.noConnections} action={<Link to={toNew}>{w.newConnection}</Link>}>
        {w.noConnectionsHint}
      </Empty>
    )
  }
  const title = (connector: string) => connectors.find((one) => one.id === connector)?.title ?? connector
  const found = connections.find((one) => one.name === chosen)
  return (
    <Stack gap="xs">
      <Select
        label={w.connection}
        placeholder={w.choose}
        data={[...usable.map((one) => ({ value: one.name, label: `${one.name} · ${title(one.connector)}` })), ...(chosen !== '' && !usable.some((one) => one.name === chosen) ? [{ value: chosen, label: chosen }] : [])]}
        value={chosen === '' ? null : chosen}
        onChange={(name) => {
          if (name === null || name === chosen) return
          // Another store has other tables.
          if (side === 'source' && chosen !== '') putAll([[['source', 'connection'], name], [['source', 'tables'], undefined]])
          else if (url !== '') putAll([[[side, 'url'], undefined], [[side, 'connection'], name]])
          else put([side, 'connection'], name)
        }}
        searchable
        nothingFoundMessage={w.nothingFound}
        maw={440}
      />
      {found && <code className={classes.quiet}>{found.url}</code>}
      {chosen !== '' && !found && <Note tone="waiting">{w.connectionGone(chosen)}</Note>}
      {url !== '' && chosen === '' && <Note tone="running">{w.byUrl}</Note>}
      <Link to={toNew} className={classes.smallLink}>
        <Icon name="plus" size={12} /> {w.newConnection}
      </Link>
    </Stack>
  )
}

export function SourceStep() {
  const w = useWords(words)
  const form = useForm()
  const { spec, put, putAll } = form
  const connection = connectionAt(form, 'source')
  const offered = connectorOf(form, connection)?.roles.source
  const mode = textAt(spec, ['mode'])
  const shown = mode === 'full' || mode === 'batch' ? '' : mode
  const query = get(spec, ['source', 'query'])
  const byQuery = query !== undefined && query !== null
  const follows = shown !== ''
  return (
    <>
      <Panel title={w.steps.source}>
        <ConnectionPick side="source" />
      </Panel>
      <Panel title={w.whatMoves}>
        <Radio.Group value={shown} onChange={(next) => put(['mode'], next === '' ? undefined : next)} aria-label={w.whatMoves}>
          <div className={classes.cards}>
            {MODES.map((one) => {
              const possible = one === '' || offered === undefined || offered.includes(one)
              return (
                <Radio.Card key={one} value={one} className={classes.card} disabled={!possible}>
                  <Radio.Indicator />
                  <span>
                    <strong>{w.modes[one === '' ? 'copy' : one].title}</strong>
                    <span className={classes.quiet}>{possible ? w.modes[one === '' ? 'copy' : one].hint : w.modeImpossible}</span>
                  </span>
                </Radio.Card>
              )
            })}
          </div>
        </Radio.Group>
      </Panel>
      {!follows && (
        <Panel title={w.whichRows}>
          <Stack gap="sm">
            <SegmentedControl
              value={byQuery ? 'query' : 'tables'}
              onChange={(next) =>
                next === 'query' ? putAll([[['source', 'query'], 'select '], [['source', 'tables'], undefined]]) : put(['source', 'query'], undefined)
              }
              data={[
                { value: 'tables', label: w.byTables },
                { value: 'query', label: w.byQuery },
              ]}
              style={{ alignSelf: 'flex-start' }}
              aria-label={w.whichRows}
            />
            {byQuery ? (
              <TextField path={['source', 'query']} label={w.query} rows={5} mono description={w.queryHint} />
            ) : (
              <TextField path={['source', 'where']} label={w.where} rows={1} mono placeholder="created_at >= '2026-01-01'" description={w.whereHint} />
            )}
          </Stack>
        </Panel>
      )}
      {follows && (
        <Panel title={w.following}>
          <div className={classes.fields}>
            {shown === 'changes' && <TextField path={['source', 'from']} label={w.followFrom} placeholder="now" data={['now', 'earliest']} description={w.followFromHint} />}
            <TextField path={['until']} label={w.until} placeholder={w.never} data={['caught-up', '1h']} description={w.untilHint} />
            <ChoiceField path={['source', 'when_lost']} label={w.whenLost} none={w.asDefault(w.whenLostKinds.fail)} data={[{ value: 'resnapshot', label: w.whenLostKinds.resnapshot }]} description={w.whenLostHint} />
            <NumberField path={['source', 'retention', 'max_bytes']} label={w.retention} min={0} step={1_073_741_824} />
            {get(spec, ['source', 'retention', 'max_bytes']) !== undefined && (
              <ChoiceField
                path={['source', 'retention', 'action']}
                label={w.retentionAction}
                none={w.asDefault(w.retentionActions.warn)}
                data={(['pause_others', 'release'] as const).map((one) => ({ value: one, label: w.retentionActions[one] }))}
              />
            )}
          </div>
        </Panel>
      )}
    </>
  )
}
