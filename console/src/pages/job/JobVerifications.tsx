import { useVerificationsQuery } from '@/api/jobs'
import { VerificationTable } from '@/job/VerificationTable'
import { Empty, Loaded } from '@/ui/notes'
import { Do, Panel } from '@/ui/pieces'
import { useWords } from '@/words'
import { words } from './words'

export function JobVerifications({ name, project, onVerify }: { name: string; project: string; onVerify: () => void }) {
  const w = useWords(words)
  const query = useVerificationsQuery(name, { pollingInterval: 3_000, skipPollingIfUnfocused: true })
  return (
    <Panel flush>
      <Loaded query={query} empty={(all) => all.length === 0 && <Empty title={w.noVerifications} action={<Do label={w.verify} icon="verify" needs="operator" where={project} onClick={onVerify} />}>{w.verifyHint}</Empty>}>
        {(all) => <VerificationTable rows={all} label={w.verifications} />}
      </Loaded>
    </Panel>
  )
}
