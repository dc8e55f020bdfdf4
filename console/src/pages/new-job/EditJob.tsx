// A job that is there is changed by the same steps, on top of the version it had as this began.

import { useParams } from 'react-router'
import { useJobQuery } from '@/api/jobs'
import type { Job } from '@/api/types'
import { Loaded } from '@/ui/notes'
import { draftOfJob, useDraft } from '@/job/draft'
import { Wizard } from './Wizard'

export function Component() {
  const { name = '' } = useParams()
  const query = useJobQuery(name, { refetchOnMountOrArgChange: true })
  return <Loaded query={query}>{(job) => <Drafted key={job.name} job={job} />}</Loaded>
}

function Drafted({ job }: { job: Job }) {
  const id = draftOfJob(job.name)
  const { draft, change, forget, kept } = useDraft(id, () => ({
    id,
    name: job.name,
    text: job.yaml,
    description: job.description ?? '',
    priority: job.priority ?? 0,
    enabled: job.enabled,
    project: job.project,
    base: { name: job.name, version: job.version, text: job.yaml, project: job.project },
    at: 0,
  }))
  return <Wizard draft={draft} change={change} forget={forget} kept={kept} />
}
