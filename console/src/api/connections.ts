import { api } from './api'
import { call } from './call'
import { everything, itemsOf } from './runs'
import type { Connection, ConnectionInput, ConnectionTest, Connector, Mode, Page, RowSample, TableDetail, TableInfo } from './types'

interface ConnectorView extends Omit<Connector, 'roles'> {
  source_modes: Mode[]
  sink: boolean
}

function connectorOf({ source_modes, sink, ...connector }: ConnectorView): Connector {
  return { ...connector, roles: { source: source_modes, sink } }
}

export const connectionsApi = api.injectEndpoints({
  endpoints: (build) => ({
    connectors: build.query<Connector[], void>({
      query: () => call('get', '/connectors'),
      transformResponse: (answer) => itemsOf<ConnectorView>(answer).map(connectorOf),
      keepUnusedDataFor: 3600,
    }),
    connections: build.query<Connection[], void>({
      queryFn: (_, __, ___, ask) => everything<Connection>(call('get', '/connections'), ask),
      providesTags: ['Connection'],
    }),
    connection: build.query<Connection, string>({
      query: (name) => call('get', '/connections/{name}', { path: { name } }),
      providesTags: (_, __, id) => [{ type: 'Connection', id }],
    }),
    createConnection: build.mutation<Connection, ConnectionInput>({
      query: (body) => call('post', '/connections', { body }),
      invalidatesTags: ['Connection'],
    }),
    updateConnection: build.mutation<Connection, { connection: ConnectionInput; version: number }>({
      query: ({ connection, version }) => call('put', '/connections/{name}', { path: { name: connection.name }, body: connection, ifMatch: version }),
      invalidatesTags: ['Connection'],
    }),
    deleteConnection: build.mutation<null, { name: string; version: number }>({
      query: ({ name, version }) => call('delete', '/connections/{name}', { path: { name }, ifMatch: version }),
      invalidatesTags: ['Connection'],
    }),
    /** Tests what is in a form, saved or not. */
    testConnection: build.mutation<ConnectionTest, ConnectionInput>({
      query: (body) => call('post', '/connections/test', { body }),
    }),
    testSavedConnection: build.mutation<ConnectionTest, string>({
      query: (name) => call('post', '/connections/{name}/test', { path: { name }, body: {} }),
    }),
    tables: build.infiniteQuery<Page<TableInfo>, { name: string; q?: string; schema?: string }, string | null>({
      query: ({ queryArg: { name, ...query }, pageParam }) => call('get', '/connections/{name}/tables', { path: { name }, query: { ...query, limit: 500, after: pageParam } }),
      infiniteQueryOptions: { initialPageParam: null, getNextPageParam: (last) => last.next ?? undefined },
    }),
    table: build.query<TableDetail, { name: string; table: string }>({
      query: ({ name, table }) => call('get', '/connections/{name}/tables/{table}', { path: { name, table } }),
    }),
    tableRows: build.query<RowSample, { name: string; table: string; limit?: number }>({
      query: ({ name, table, limit = 20 }) => call('get', '/connections/{name}/tables/{table}/rows', { path: { name, table }, query: { limit } }),
      keepUnusedDataFor: 5,
    }),
  }),
})

/** A table's name as the API and the job file write it. */
export function tableName({ schema, name }: TableInfo): string {
  return schema ? `${schema}.${name}` : name
}

export const {
  useConnectorsQuery,
  useConnectionsQuery,
  useConnectionQuery,
  useCreateConnectionMutation,
  useUpdateConnectionMutation,
  useDeleteConnectionMutation,
  useTestConnectionMutation,
  useTestSavedConnectionMutation,
  useTablesInfiniteQuery,
  useTableQuery,
  useTableRowsQuery,
} = connectionsApi
