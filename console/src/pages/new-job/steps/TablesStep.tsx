// Which tables: a tree of schemas, drawn only as far as it is seen, and the patterns that stand behind it.

import { Checkbox, Group, TagsInput, TextInput } from '@mantine/core'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, useMemo, useRef, useState } from 'react'
import type { TableInfo } from '@/api/types'
import { bytes, short, useFormat } from '@/format'
import { choose, chooseSchema, NOTHING as NO_TABLE, parsePattern, selects } from '@/job/patterns'
import { Icon } from '@/ui/Icon'
import { Empty, ErrorNote, Loading, Note } from '@/ui/notes'
import { Panel } from '@/ui/pieces'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { listAt, textAt, useForm } from '../form'
import { useSourceTables } from '../tables'
import { words } from '../words'
import classes from '../wizard.module.css'

type Row = { kind: 'schema'; schema: string | null; on: number; of: number; open: boolean } | { kind: 'table'; table: TableInfo; on: boolean }
const ROW_HEIGHT = 32

export function TablesStep() {
  const w = useWords(words)
  const s = useWords(shared)
  const f = useFormat()
  const { spec, put } = useForm()
  const { connection, tables, query, defaultSchema, complete } = useSourceTables()
  const patterns = listAt(spec, ['source', 'tables'])
  const key = JSON.stringify(patterns)
  const [search, setSearch] = useState('')
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const set = (next: string[]) => put(['source', 'tables'], next.length === 0 ? undefined : next)

  const chosen = useMemo(() => {
    const list = JSON.parse(key) as string[]
    return new Set(tables.filter((table) => selects(list, table, defaultSchema)))
  }, [tables, key, defaultSchema])
  const rows = useMemo((): Row[] => {
    const word = search.trim().toLowerCase()
    const groups = new Map<string | null, TableInfo[]>()
    for (const table of tables) {
      const group = groups.get(table.schema)
      if (group) group.push(table)
      else groups.set(table.schema, [table])
    }
    const many = groups.size > 1 || tables[0]?.schema !== null
    return [...groups].flatMap(([schema, all]): Row[] => {
      const found = all.filter((table) => word === '' || table.name.toLowerCase().includes(word) || (schema ?? '').toLowerCase().includes(word))
      if (found.length === 0) return []
      const open = word !== '' || !closed.has(schema ?? '')
      const leaves = open ? found.map((table): Row => ({ kind: 'table', table, on: chosen.has(table) })) : []
      return many ? [{ kind: 'schema', schema, on: all.filter((table) => chosen.has(table)).length, of: all.length, open }, ...leaves] : leaves
    })
  }, [tables, search, closed, chosen])

  if (!connection) {
    const url = textAt(spec, ['source', 'url'])
    return (
      <Panel title={w.steps.tables}>
        {url === '' ? <Note tone="waiting">{w.sourceFirst}</Note> : <Patterns patterns={patterns} set={set} />}
      </Panel>
    )
  }
  const rowsAbout = [...chosen].reduce((sum, table) => sum + (table.rows_estimated ?? 0), 0)
  const toggle = (row: Row, on: boolean) => {
    if (row.kind === 'table') set(choose(patterns, row.table, on, tables, defaultSchema))
    else set(chooseSchema(patterns, row.schema, on, tables, defaultSchema))
  }
  const fold = (schema: string | null, open: boolean) => {
    const next = new Set(closed)
    if (open) next.delete(schema ?? '')
    else next.add(schema ?? '')
    setClosed(next)
  }
  return (
    <>
      <Panel
        title={w.steps.tables}
        aside={
          <span className={classes.quiet} role="status">
            {w.chosenOf(f.whole(chosen.size), f.whole(tables.length))}
            {rowsAbout > 0 && ` · ≈ ${s.rows(short(rowsAbout), rowsAbout)}`}
            {!complete && ' …'}
          </span>
        }
        flush
      >
        <div className={classes.treeHead}>
          <TextInput
            value={search}
            onChange={(e) => setSearch(e.currentTarget.value)}
            placeholder={w.findTable}
            aria-label={w.findTable}
            leftSection={<Icon name="search" size={14} />}
            style={{ flex: 1 }}
            data-search
          />
          <Group gap="xs">
            <button type="button" className={classes.linkButton} onClick={() => set([])}>
              {w.allTables}
            </button>
            <button type="button" className={classes.linkButton} onClick={() => set([...NO_TABLE])}>
              {w.noTables}
            </button>
          </Group>
        </div>
        {query.error && tables.length === 0 ? (
          <div className={classes.pad}>
            <ErrorNote error={query.error} onRetry={() => void query.refetch()} />
          </div>
        ) : query.isLoading ? (
          <Loading rows={8} />
        ) : rows.length === 0 ? (
          <Empty title={search === '' ? w.emptySource : w.nothingFound} />
        ) : (
          <Tree rows={rows} label={w.steps.tables} toggle={toggle} fold={fold} indent={rows[0]?.kind === 'schema'} />
        )}
      </Panel>
      <Panel title={w.patterns}>
        <Patterns patterns={patterns} set={set} />
      </Panel>
    </>
  )
}

function Patterns({ patterns, set }: { patterns: string[]; set: (next: string[]) => void }) {
  const w = useWords(words)
  const wrong = patterns.filter((one) => parsePattern(one.replace(/^!/, '')) === null)
  return (
    <TagsInput
      value={patterns}
      onChange={set}
      label={w.patternsLabel}
      description={w.patternsHint}
      placeholder={patterns.length === 0 ? w.patternsNone : undefined}
      error={wrong.length > 0 ? w.patternWrong(wrong.join(', ')) : undefined}
      styles={{ pill: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
      splitChars={[',', ' ']}
      acceptValueOnBlur
    />
  )
}

interface TreeProps {
  rows: readonly Row[]
  label: string
  toggle: (row: Row, on: boolean) => void
  fold: (schema: string | null, open: boolean) => void
  indent: boolean
}

function Tree({ rows, label, toggle, fold, indent }: TreeProps) {
  const w = useWords(words)
  const scroller = useRef<HTMLDivElement>(null)
  const [at, setAt] = useState(0)
  const virtualizer = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW_HEIGHT, overscan: 12 })
  const current = Math.min(at, rows.length - 1)
  const go = (to: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, to))
    setAt(next)
    virtualizer.scrollToIndex(next)
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus())
  }
  const onKey = (event: KeyboardEvent) => {
    const row = rows[current]
    if (!row) return
    const keys: Record<string, () => void> = {
      ArrowDown: () => go(current + 1),
      ArrowUp: () => go(current - 1),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      PageDown: () => go(current + 12),
      PageUp: () => go(current - 12),
      ' ': () => toggle(row, row.kind === 'table' ? !row.on : row.on < row.of),
      Enter: () => toggle(row, row.kind === 'table' ? !row.on : row.on < row.of),
      ArrowLeft: () => {
        if (row.kind === 'schema') fold(row.schema, false)
        else go(rows.findLastIndex((one, index) => index < current && one.kind === 'schema'))
      },
      ArrowRight: () => row.kind === 'schema' && fold(row.schema, true),
    }
    const act = keys[event.key]
    if (!act) return
    event.preventDefault()
    act()
  }
  return (
    <div ref={scroller} className={classes.tree} role="tree" aria-label={label} aria-multiselectable onKeyDown={onKey}>
      <div style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
        {virtualizer.getVirtualItems().map((item) => {
          const row = rows[item.index]
          if (!row) return null
          const on = row.kind === 'table' ? row.on : row.on === row.of
          const some = row.kind === 'schema' && row.on > 0 && row.on < row.of
          return (
            <div
              key={item.key}
              data-index={item.index}
              role="treeitem"
              aria-level={row.kind === 'table' && indent ? 2 : 1}
              aria-expanded={row.kind === 'schema' ? row.open : undefined}
              aria-selected={on}
              aria-checked={some ? 'mixed' : on}
              tabIndex={item.index === current ? 0 : -1}
              onFocus={() => setAt(item.index)}
              className={classes.treeRow}
              data-leaf={(row.kind === 'table' && indent) || undefined}
              style={{ transform: `translateY(${item.start}px)`, height: ROW_HEIGHT }}
              onClick={() => toggle(row, row.kind === 'table' ? !row.on : row.on < row.of)}
            >
              {row.kind === 'schema' && (
                <span
                  className={classes.twist}
                  data-open={row.open || undefined}
                  onClick={(event) => {
                    event.stopPropagation()
                    fold(row.schema, !row.open)
                  }}
                  aria-hidden
                >
                  <Icon name="chevron" size={12} />
                </span>
              )}
              <Checkbox checked={on} indeterminate={some} readOnly tabIndex={-1} size="xs" aria-hidden style={{ pointerEvents: 'none' }} />
              {row.kind === 'schema' ? (
                <>
                  <strong className={classes.treeName}>{row.schema ?? w.noSchema}</strong>
                  <span className={classes.quiet}>
                    {row.on} / {row.of}
                  </span>
                </>
              ) : (
                <Leaf table={row.table} />
              )}
            </div>
          )
        })}
      </div>
    </div>
  )
}

function Leaf({ table }: { table: TableInfo }) {
  const w = useWords(words)
  return (
    <>
      <span className={classes.treeName}>{table.name}</span>
      {table.kind && !/^(base )?table$/i.test(table.kind) && <span className={classes.tag}>{table.kind}</span>}
      {table.has_key === false && (
        <span className={classes.tag} title={w.noKeyHint}>
          {w.noKey}
        </span>
      )}
      <span className={classes.quiet}>
        {table.rows_estimated !== null && table.rows_estimated !== undefined && short(table.rows_estimated)}
        {table.bytes ? <span className={classes.wideOnly}> · {bytes(table.bytes)}</span> : null}
      </span>
    </>
  )
}
