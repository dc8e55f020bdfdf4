import { api } from './api'
import { call } from './call'
import { itemsOf } from './runs'
import type { AuditEntry, NewToken, NodeInfo, Page, Role, Settings, Token, User } from './types'

export interface AuditFilter {
  actor?: string
  action?: string
  since?: string
  until?: string
}
export interface VersionedSettings {
  settings: Settings
  version: number
}

export const adminApi = api.injectEndpoints({
  endpoints: (build) => ({
    users: build.query<User[], void>({
      query: () => call('get', '/users', { query: { limit: 500 } }),
      transformResponse: itemsOf<User>,
      providesTags: ['User'],
    }),
    createUser: build.mutation<User, { name: string; password: string; role: Role }>({
      query: (body) => call('post', '/users', { body }),
      invalidatesTags: ['User'],
    }),
    updateUser: build.mutation<User, { name: string; role?: Role; disabled?: boolean }>({
      query: ({ name, ...body }) => call('patch', '/users/{name}', { path: { name }, body }),
      invalidatesTags: ['User'],
    }),
    deleteUser: build.mutation<null, string>({
      query: (name) => call('delete', '/users/{name}', { path: { name } }),
      invalidatesTags: ['User', 'Token'],
    }),
    setPassword: build.mutation<unknown, { name: string; password: string; current?: string }>({
      query: ({ name, ...body }) => call('post', '/users/{name}/password', { path: { name }, body }),
    }),
    tokens: build.query<Token[], void>({
      query: () => call('get', '/tokens', { query: { limit: 500 } }),
      transformResponse: itemsOf<Token>,
      providesTags: ['Token'],
    }),
    createToken: build.mutation<NewToken, { name: string; role: Role; expires_at?: string | null; projects?: string[] }>({
      query: (body) => call('post', '/tokens', { body }),
      invalidatesTags: ['Token'],
    }),
    deleteToken: build.mutation<null, string>({
      query: (id) => call('delete', '/tokens/{id}', { path: { id } }),
      invalidatesTags: ['Token'],
    }),
    audit: build.infiniteQuery<Page<AuditEntry>, AuditFilter, string | null>({
      query: ({ queryArg, pageParam }) => call('get', '/audit', { query: { ...queryArg, limit: 200, after: pageParam } }),
      infiniteQueryOptions: { initialPageParam: null, getNextPageParam: (last) => last.next ?? undefined },
      providesTags: ['Audit'],
    }),
    nodes: build.query<NodeInfo[], void>({
      query: () => call('get', '/nodes'),
      transformResponse: itemsOf<NodeInfo>,
      providesTags: ['Node'],
    }),
    settings: build.query<VersionedSettings, void>({
      query: () => call('get', '/settings'),
      transformResponse: (settings: Settings, meta) => ({ settings, version: meta?.version ?? settings.version ?? 1 }),
      providesTags: ['Settings'],
    }),
    updateSettings: build.mutation<Settings, VersionedSettings>({
      query: ({ settings, version }) => call('put', '/settings', { body: settings, ifMatch: version }),
      invalidatesTags: ['Settings'],
    }),
    testAlerts: build.mutation<unknown, void>({
      query: () => call('post', '/settings/alerts/test', { body: {} }),
    }),
  }),
})

export const {
  useUsersQuery,
  useCreateUserMutation,
  useUpdateUserMutation,
  useDeleteUserMutation,
  useSetPasswordMutation,
  useTokensQuery,
  useCreateTokenMutation,
  useDeleteTokenMutation,
  useAuditInfiniteQuery,
  useNodesQuery,
  useSettingsQuery,
  useUpdateSettingsMutation,
  useTestAlertsMutation,
} = adminApi
