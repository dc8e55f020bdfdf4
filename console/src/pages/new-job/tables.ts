// The tables of the source's connection, and those of them that are chosen.

import { useEffect, useMemo } from 'react'
import { useTablesInfiniteQuery } from '@/api/connections'
import type { TableInfo } from '@/api/types'
import { defaultSchemaOf, selects } from '@/job/patterns'
import { connectionAt, listAt, useForm } from './form'

const AT_MOST = 50_000

export function useSourceTables() {
  const form = useForm()
  const connection = connectionAt(form, 'source')
  const query = useTablesInfiniteQuery({ name: connection?.name ?? '' }, { skip: !connection })
  const { data, hasNextPage, isFetchingNextPage, fetchNextPage } = query
  const tables = useMemo(() => (connection && data ? data.pages.flatMap((page) => page.items) : []), [connection, data])
  // All of them: what a pattern fits can only be shown with every name at hand.
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && tables.length < AT_MOST) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, tables.length])
  const defaultSchema = useMemo(() => (connection ? defaultSchemaOf(connection.url) : null), [connection])
  return { connection, tables, query, defaultSchema, complete: !hasNextPage }
}

export function useChosenTables(): { chosen: TableInfo[]; defaultSchema: string | null; loading: boolean; error: unknown } {
  const { spec } = useForm()
  const { tables, query, defaultSchema } = useSourceTables()
  const patterns = JSON.stringify(listAt(spec, ['source', 'tables']))
  const chosen = useMemo(() => {
    const list = JSON.parse(patterns) as string[]
    return tables.filter((table) => selects(list, table, defaultSchema))
  }, [tables, patterns, defaultSchema])
  return { chosen, defaultSchema, loading: query.isLoading, error: query.error }
}

/** The target's name of a table, by the template of the job. */
export function targetOf(template: string, { schema, name }: Pick<TableInfo, 'schema' | 'name'>): string {
  return template === '' ? name : template.replaceAll('{table}', name).replaceAll('{schema}', schema ?? '')
}
