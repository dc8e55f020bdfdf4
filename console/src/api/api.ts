// The API as RTK Query sees it. Endpoints stand beside, one file a resource.

import { createApi } from '@reduxjs/toolkit/query/react'
import { request } from './request'

export const api = createApi({
  baseQuery: request,
  tagTypes: [
    'Audit',
    'Connection',
    'DeadLetter',
    'Job',
    'Member',
    'Node',
    'Overview',
    'Project',
    'Queue',
    'Run',
    'RunList',
    'RunTable',
    'Settings',
    'Token',
    'User',
    'Verification',
  ],
  keepUnusedDataFor: 60,
  refetchOnReconnect: true,
  endpoints: () => ({}),
})
