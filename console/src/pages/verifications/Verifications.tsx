import { useVerificationsQuery } from '@/api/jobs'
import { VerificationTable } from '@/job/VerificationTable'
import { words } from '@/job/verifyWords'
import { Empty, Loaded } from '@/ui/notes'
import { Page, Panel } from '@/ui/pieces'
import { useWords } from '@/words'
import { Link } from 'react-router'

export function Component() {
  const w = useWords(words)
  const query = useVerificationsQuery(undefined, { pollingInterval: 5_000, skipPollingIfUnfocused: true, refetchOnMountOrArgChange: true })
  return (
    <Page title={w.title} sub={w.intro}>
      <Panel flush>
        <Loaded query={query} empty={(all) => all.length === 0 && <Empty title={w.empty} action={<Link to="/jobs">{w.toJobs}</Link>}>{w.emptyHint}</Empty>}>
          {(all) => <VerificationTable rows={all} label={w.title} withJob />}
        </Loaded>
      </Panel>
    </Page>
  )
}
