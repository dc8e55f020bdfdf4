// What the job was: each version against the one before it, or any other; and the way back.

import { Group, Select } from '@mantine/core'
import { useState } from 'react'
import { useJobDiffQuery, useJobVersionsQuery, useRollBackJobMutation } from '@/api/jobs'
import type { Job, JobVersion } from '@/api/types'
import { notice } from '@/app/notices'
import { useAppDispatch } from '@/app/store'
import { parseUnified } from '@/job/diff'
import { DiffView } from '@/job/DiffView'
import { Loaded } from '@/ui/notes'
import { Confirm, Do, Panel, Pre, Time } from '@/ui/pieces'
import { useWords } from '@/words'
import classes from './versions.module.css'
import { words } from './words'

export function Versions({ job }: { job: Job }) {
  const query = useJobVersionsQuery(job.name)
  return <Loaded query={query}>{(versions) => <List job={job} versions={[...versions].sort((a, b) => b.version - a.version)} />}</Loaded>
}

function List({ job, versions }: { job: Job; versions: JobVersion[] }) {
  const w = useWords(words)
  const dispatch = useAppDispatch()
  const [picked, setPicked] = useState<number>(versions[0]?.version ?? job.version)
  const [against, setAgainst] = useState<number | null>(null)
  const [asking, setAsking] = useState(false)
  const [rollBack] = useRollBackJobMutation()
  const previous = versions.find((one) => one.version < picked)?.version ?? null
  const from = against !== null && against !== picked ? against : previous
  const chosen = versions.find((one) => one.version === picked)
  return (
    <div className={classes.split}>
      <Panel flush>
        <ol className={classes.list} aria-label={w.tabs.versions}>
          {versions.map((one) => (
            <li key={one.version}>
              <button type="button" aria-current={one.version === picked || undefined} onClick={() => setPicked(one.version)}>
                <span>
                  <strong>{w.versionN(one.version)}</strong>
                  {one.version === job.version && <span className={classes.quiet}> · {w.current}</span>}
                </span>
                <span className={classes.quiet}>
                  <Time at={one.at} /> {one.actor && w.by(one.actor)}
                </span>
              </button>
            </li>
          ))}
        </ol>
      </Panel>
      <Panel
        title={w.versionN(picked)}
        aside={
          <Group gap="xs">
            {versions.length > 1 && (
              <Select
                size="xs"
                w={150}
                aria-label={w.compare}
                value={String(from ?? '')}
                onChange={(next) => setAgainst(next === null || next === '' ? null : Number(next))}
                data={versions.filter((one) => one.version !== picked).map((one) => ({ value: String(one.version), label: `${w.against} ${w.versionN(one.version).toLowerCase()}` }))}
                allowDeselect={false}
              />
            )}
            {picked !== job.version && <Do label={w.rollBack} icon="restart" needs="editor" where={job.project} onClick={() => setAsking(true)} />}
          </Group>
        }
      >
        {from === null ? (
          <>
            <p className={classes.quiet}>{w.firstVersion}</p>
            <Pre label={w.versionN(picked)}>{chosen?.yaml ?? (picked === job.version ? job.yaml : '')}</Pre>
          </>
        ) : (
          <Difference name={job.name} from={from} to={picked} />
        )}
      </Panel>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title={w.rollBackTitle(picked)}
        verb={w.rollBack}
        onConfirm={async () => {
          const now = await rollBack({ name: job.name, version: picked }).unwrap()
          dispatch(notice(w.rolledBack(picked)))
          setPicked(now.version)
          setAgainst(null)
        }}
      >
        {w.rollBackHint(job.version + 1)}
      </Confirm>
    </div>
  )
}

function Difference({ name, from, to }: { name: string; from: number; to: number }) {
  const w = useWords(words)
  const query = useJobDiffQuery({ name, from, to })
  return <Loaded query={query}>{({ diff }) => <DiffView lines={parseUnified(diff)} label={`${w.versionN(from)} → ${w.versionN(to)}`} />}</Loaded>
}
