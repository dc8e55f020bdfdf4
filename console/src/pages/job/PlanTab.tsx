import { Button, Stack } from '@mantine/core'
import { useEffect } from 'react'
import { useLazyPlanOfJobQuery } from '@/api/jobs'
import { PlanView } from '@/job/PlanView'
import { ErrorNote, Loading } from '@/ui/notes'
import { Panel } from '@/ui/pieces'
import { useWords } from '@/words'
import { words } from './words'

/** What a run would do now. */
export function PlanTab({ name }: { name: string }) {
  const w = useWords(words)
  const [ask, { data, error, isFetching }] = useLazyPlanOfJobQuery()
  useEffect(() => {
    void ask(name)
  }, [ask, name])
  return (
    <Panel
      title={w.tabs.plan}
      aside={
        <Button variant="default" size="compact-xs" loading={isFetching} onClick={() => void ask(name)}>
          {w.planNow}
        </Button>
      }
    >
      <Stack gap="sm">
        <p style={{ margin: 0, color: 'var(--mantine-color-dimmed)' }}>{w.planHint}</p>
        {error && !isFetching && <ErrorNote error={error} onRetry={() => void ask(name)} />}
        {data ? <PlanView plan={data} /> : isFetching && <Loading rows={6} />}
      </Stack>
    </Panel>
  )
}
