import { api, seg } from './api'
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
      query: () => ({ path: '/users', query: { limit: 500 } }),
      transformResponse: itemsOf<User>,
      providesTags: ['User'],
    }),
    createUser: build.mutation<User, { name: string; password: string; role: Role }>({
      query: (body) => ({ path: '/users', method: 'POST', body }),
      invalidatesTags: ['User'],
    }),
    updateUser: build.mutation<User, { name: string; role?: Role; disabled?: boolean }>({
      query: ({ name, ...body }) => ({ path: `/users/${seg(name)}`, method: 'PATCH', body }),
      invalidatesTags: ['User'],
    }),
    deleteUser: build.mutation<null, string>({
      query: (name) => ({ path: `/users/${seg(name)}`, method: 'DELETE' }),
      invalidatesTags: ['User', 'Token'],
    }),
    setPassword: build.mutation<unknown, { name: string; password: string; current?: string }>({
      query: ({ name, ...body }) => ({ path: `/users/${seg(name)}/password`, method: 'POST', body }),
    }),
    tokens: build.query<Token[], void>({
      query: () => ({ path: '/tokens', query: { limit: 500 } }),
      transformResponse: itemsOf<Token>,
      providesTags: ['Token'],
    }),
    createToken: build.mutation<NewToken, { name: string; role: Role; expires_at?: string | null }>({
      query: (body) => ({ path: '/tokens', method: 'POST', body }),
      invalidatesTags: ['Token'],
    }),
    deleteToken: build.mutation<null, string>({
      query: (id) => ({ path: `/tokens/${seg(id)}`, method: 'DELETE' }),
      invalidatesTags: ['Token'],
    }),
    audit: build.infiniteQuery<Page<AuditEntry>, AuditFilter, string | null>({
      query: ({ queryArg, pageParam }) => ({ path: '/audit', query: { ...queryArg, limit: 200, after: pageParam } }),
      infiniteQueryOptions: { initialPageParam: null, getNextPageParam: (last) => last.next ?? undefined },
      providesTags: ['Audit'],
    }),
    nodes: build.query<NodeInfo[], void>({
      query: () => ({ path: '/nodes' }),
      transformResponse: itemsOf<NodeInfo>,
      providesTags: ['Node'],
    }),
    settings: build.query<VersionedSettings, void>({
      query: () => ({ path: '/settings' }),
      transformResponse: (settings: Settings, meta) => ({ settings, version: meta?.version ?? settings.version ?? 1 }),
      providesTags: ['Settings'],
    }),
    updateSettings: build.mutation<Settings, VersionedSettings>({
      query: ({ settings, version }) => ({ path: '/settings', method: 'PUT', body: settings, ifMatch: version }),
      invalidatesTags: ['Settings'],
    }),
    testAlerts: build.mutation<unknown, void>({
      query: () => ({ path: '/settings/alerts/test', method: 'POST', body: {} }),
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
