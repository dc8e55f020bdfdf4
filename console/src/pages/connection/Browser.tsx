// The tables of a connection, and what is inside: columns, indexes, the first rows.

import { Button, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useMemo, useState } from 'react'
import { useSearchParams } from 'react-router'
import { tableName, useTableQuery, useTableRowsQuery, useTablesInfiniteQuery } from '@/api/connections'
import type { RowSample, TableInfo } from '@/api/types'
import { bytes, short } from '@/format'
import { Empty, Loaded, Note } from '@/ui/notes'
import { Icon } from '@/ui/Icon'
import { Told } from '@/ui/Told'
import ui from '@/ui/ui.module.css'
import { useWords } from '@/words'
import classes from './connection.module.css'
import { words } from './words'

const TYPING_MS = 250

export function Browser({ connection }: { connection: string }) {
  const w = useWords(words)
  const [search, setSearch] = useSearchParams()
  const chosen = search.get('table')
  const [find, setFind] = useState('')
  const [q] = useDebouncedValue(find, TYPING_MS)
  const query = useTablesInfiniteQuery(q === '' ? { name: connection } : { name: connection, q })
  const tables = useMemo(() => query.data?.pages.flatMap((page) => page.items), [query.data])
  return (
    <div className={classes.browser}>
      <div className={classes.list}>
        <div className={classes.search}>
          <TextInput data-search aria-label={w.find} placeholder={w.find} leftSection={<Icon name="search" size={14} />} value={find} onChange={(event) => setFind(event.currentTarget.value)} />
        </div>
        <Loaded
          query={{ ...query, data: tables }}
          empty={(data) => data.length === 0 && <Empty title={w.noTables}>{w.noTablesHint}</Empty>}
        >
          {(data) => (
            <Names
              tables={data}
              chosen={chosen}
              choose={(table) => setSearch({ table }, { replace: true })}
              more={query.hasNextPage ? () => void query.fetchNextPage() : undefined}
            />
          )}
        </Loaded>
      </div>
      <div className={classes.inside}>
        {chosen === null ? <Empty title={w.pick} /> : <Inside key={chosen} connection={connection} table={chosen} />}
      </div>
    </div>
  )
}

interface NamesProps {
  tables: TableInfo[]
  chosen: string | null
  choose: (table: string) => void
  more?: () => void
}

function Names({ tables, chosen, choose, more }: NamesProps) {
  const w = useWords(words)
  return (
    <ul className={classes.names} aria-label={w.tables}>
      {tables.map((table, index) => {
        const name = tableName(table)
        const begins = table.schema !== null && table.schema !== tables[index - 1]?.schema
        return (
          <li key={name}>
            {begins && <div className={classes.schema}>{table.schema}</div>}
            <button type="button" className={classes.table} aria-current={name === chosen} onClick={() => choose(name)} title={name}>
              <span>{table.name}</span>
              <small>
                {table.has_key === false ? `${w.noKey} · ` : ''}
                {short(table.rows_estimated)}
                {table.bytes ? ` · ${bytes(table.bytes)}` : ''}
              </small>
            </button>
          </li>
        )
      })}
      {more && (
        <li>
          <Button variant="subtle" fullWidth onClick={more}>
            {w.more}
          </Button>
        </li>
      )}
    </ul>
  )
}

function Inside({ connection, table }: { connection: string; table: string }) {
  const w = useWords(words)
  const detail = useTableQuery({ name: connection, table })
  const rows = useTableRowsQuery({ name: connection, table })
  return (
    <>
      <Title order={2}>{table}</Title>
      <Loaded query={detail} rows={4}>
        {({ columns, indexes, notes }) => (
          <>
            <div className={classes.scroll} tabIndex={0} role="region" aria-label={w.columns}>
              <table className={classes.grid}>
                <thead>
                  <tr>
                    <th scope="col">{w.column}</th>
                    <th scope="col">{w.native}</th>
                    <th scope="col">{w.type}</th>
                    <th scope="col">{w.nullable}</th>
                  </tr>
                </thead>
                <tbody>
                  {columns.map((column) => (
                    <tr key={column.name}>
                      <td>
                        {column.name}
                        {column.generated && <small className={ui.sub}> · {w.generated}</small>}
                        {column.key && <small className={ui.sub}> · {w.key}</small>}
                      </td>
                      <td>
                        <code>{column.native ?? ''}</code>
                      </td>
                      <td>
                        <code>{column.type}</code>
                      </td>
                      <td>{column.nullable ? w.true : w.false}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            {indexes && indexes.length > 0 && (
              <div className={ui.sub}>
                {w.indexes}:{' '}
                {indexes.map((index) => `${index.name} (${index.columns.join(', ')})${index.unique ? ` ${w.unique}` : ''}`).join(' · ')}
              </div>
            )}
            {notes?.map((note) => (
              <Note key={note} tone="waiting">
                <Told>{note}</Told>
              </Note>
            ))}
          </>
        )}
      </Loaded>
      <Title order={3}>{w.rows}</Title>
      <Loaded query={rows} rows={4} empty={(data) => data.rows.length === 0 && <div className={ui.sub}>{w.noRows}</div>}>
        {(data) => <Rows sample={data} label={w.rows} />}
      </Loaded>
    </>
  )
}

/** Types whose values stand one below the other by their last digit. */
const NUMBER = /^(u?int|decimal|float)\d*/

function Rows({ sample, label }: { sample: RowSample; label: string }) {
  const w = useWords(words)
  const columns = sample.columns.map((column) => (typeof column === 'string' ? column : column.name))
  const numbers = sample.columns.map((column) => (typeof column !== 'string' && NUMBER.test(column.type ?? '') ? classes.number : undefined))
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label={label}>
      <table className={classes.grid}>
        <thead>
          <tr>
            {columns.map((column, at) => (
              <th key={column} scope="col" className={numbers[at]}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sample.rows.map((row, index) => (
            <tr key={index}>
              {row.map((value, at) => (
                <td key={columns[at] ?? at} className={numbers[at]} title={value ?? undefined}>
                  {value === null ? <span className={classes.null}>{w.null}</span> : value}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
