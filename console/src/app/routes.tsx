// Which page stands at which address. Each is loaded when somebody goes there.

import { createBrowserRouter } from 'react-router'
import { Shell } from '@/layout/Shell'
import { SignIn } from '@/pages/sign-in/SignIn'
import { SetUp } from '@/pages/sign-in/SetUp'
import { NotFound } from '@/ui/NotFound'
import { Loading } from '@/ui/notes'
import { Fault } from './Fault'
import { Gate } from './Gate'

export function makeRouter() {
  return createBrowserRouter(
    [
      { path: '/sign-in', element: <SignIn />, errorElement: <Fault /> },
      { path: '/setup', element: <SetUp />, errorElement: <Fault /> },
      {
        element: <Gate />,
        errorElement: <Fault />,
        hydrateFallbackElement: <Loading />,
        children: [
          {
            element: <Shell />,
            children: [
              {
                errorElement: <Fault />,
                children: [
                  { index: true, lazy: () => import('@/pages/overview/Overview') },
                  { path: 'runs', lazy: () => import('@/pages/runs/Runs') },
                  { path: 'runs/:id', lazy: () => import('@/pages/run/Run') },
                  { path: 'jobs', lazy: () => import('@/pages/jobs/Jobs') },
                  { path: 'jobs/import', lazy: () => import('@/pages/import/Import') },
                  { path: 'jobs/new', lazy: () => import('@/pages/new-job/NewJob') },
                  { path: 'jobs/:name', lazy: () => import('@/pages/job/Job') },
                  { path: 'jobs/:name/edit', lazy: () => import('@/pages/new-job/EditJob') },
                  { path: 'connections', lazy: () => import('@/pages/connections/Connections') },
                  { path: 'connections/new', lazy: () => import('@/pages/connection/NewConnection') },
                  { path: 'connections/:name', lazy: () => import('@/pages/connection/Connection') },
                  { path: 'verifications', lazy: () => import('@/pages/verifications/Verifications') },
                  { path: 'verifications/:id', lazy: () => import('@/pages/verifications/Verification') },
                  { path: 'projects', lazy: () => import('@/pages/projects/Projects') },
                  { path: 'nodes', lazy: () => import('@/pages/nodes/Nodes') },
                  { path: 'users', lazy: () => import('@/pages/users/Users') },
                  { path: 'tokens', lazy: () => import('@/pages/tokens/Tokens') },
                  { path: 'audit', lazy: () => import('@/pages/audit/Audit') },
                  { path: 'settings', lazy: () => import('@/pages/settings/Settings') },
                  { path: '*', element: <NotFound /> },
                ],
              },
            ],
          },
        ],
      },
    ],
    { basename: import.meta.env.BASE_URL },
  )
}
