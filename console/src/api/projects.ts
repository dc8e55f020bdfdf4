import { api } from './api'
import { call } from './call'
import { itemsOf } from './runs'
import type { Member, Project, Role } from './types'

/** What people say of a project. */
export interface ProjectInput {
  description: string
  /** Runs of its jobs at the same time; none: no limit. */
  max_running: number | null
}

export const projectsApi = api.injectEndpoints({
  endpoints: (build) => ({
    projects: build.query<Project[], void>({
      query: () => call('get', '/projects', { query: { limit: 500 } }),
      transformResponse: itemsOf<Project>,
      providesTags: ['Project'],
    }),
    createProject: build.mutation<Project, ProjectInput & { name: string }>({
      query: (body) => call('post', '/projects', { body }),
      invalidatesTags: ['Project'],
    }),
    updateProject: build.mutation<Project, ProjectInput & { name: string; version: number }>({
      query: ({ name, version, ...body }) => call('put', '/projects/{name}', { path: { name }, body, ifMatch: version }),
      invalidatesTags: ['Project', 'Queue'],
    }),
    deleteProject: build.mutation<null, { name: string; version: number }>({
      query: ({ name, version }) => call('delete', '/projects/{name}', { path: { name }, ifMatch: version }),
      invalidatesTags: ['Project'],
    }),
    members: build.query<Member[], string>({
      query: (name) => call('get', '/projects/{name}/members', { path: { name } }),
      transformResponse: itemsOf<Member>,
      providesTags: (_, __, id) => [{ type: 'Member', id }],
    }),
    setMember: build.mutation<Member, { project: string; user: string; role: Role }>({
      query: ({ project, user, role }) => call('put', '/projects/{name}/members/{user}', { path: { name: project, user }, body: { role } }),
      invalidatesTags: (_, __, { project }) => [{ type: 'Member', id: project }],
    }),
    removeMember: build.mutation<null, { project: string; user: string }>({
      query: ({ project, user }) => call('delete', '/projects/{name}/members/{user}', { path: { name: project, user } }),
      invalidatesTags: (_, __, { project }) => [{ type: 'Member', id: project }],
    }),
  }),
})

export const { useProjectsQuery, useCreateProjectMutation, useUpdateProjectMutation, useDeleteProjectMutation, useMembersQuery, useSetMemberMutation, useRemoveMemberMutation } = projectsApi
