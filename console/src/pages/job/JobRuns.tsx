import { useNavigate } from 'react-router'
import { RUNS_A_PAGE, useRunsInfiniteQuery } from '@/api/runs'
import type { Job } from '@/api/types'
import { DataTable } from '@/ui/DataTable'
import { Empty, Loaded } from '@/ui/notes'
import { Panel } from '@/ui/pieces'
import { useRunColumns } from '@/ui/runColumns'
import { useWords } from '@/words'
import { words } from './words'

/** The job's runs, the newest first. */
export function JobRuns({ job }: { job: Job }) {
  const w = useWords(words)
  const columns = useRunColumns({ withJob: false }).filter((one) => one.id !== 'route')
  const query = useRunsInfiniteQuery({ job: job.name }, { refetchOnMountOrArgChange: true })
  const navigate = useNavigate()
  const runs = query.data?.pages.flatMap((page) => page.items)
  return (
    <Panel flush>
      <Loaded query={{ data: runs, error: query.error, refetch: query.refetch }} empty={(all) => all.length === 0 && <Empty title={w.noRuns}>{w.noRunsHint}</Empty>}>
        {(all) => (
          <>
            <DataTable
              label={w.tabs.runs}
              columns={columns}
              rows={all}
              rowKey={(run) => run.id}
              linked
              virtual={all.length >= RUNS_A_PAGE}
              onEnd={() => query.hasNextPage && !query.isFetchingNextPage && void query.fetchNextPage()}
            />
            {query.hasNextPage && (
              <div style={{ padding: '0.5rem 0.9rem' }}>
                <button type="button" onClick={() => void navigate(`/runs?job=${encodeURIComponent(job.name)}`)} style={{ background: 'none', border: 0, color: 'var(--mantine-color-anchor)', font: 'inherit', cursor: 'pointer', padding: 0 }}>
                  {w.allRuns}
                </button>
              </div>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  )
}
