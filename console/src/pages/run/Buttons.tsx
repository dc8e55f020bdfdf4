import { useState } from 'react'
import { useNavigate } from 'react-router'
import { type RunVerb, useControlMutation, useDeleteRunMutation } from '@/api/runs'
import type { Run } from '@/api/types'
import { notice } from '@/app/notices'
import { useAppDispatch } from '@/app/store'
import type { IconName } from '@/ui/Icon'
import { Confirm, Do } from '@/ui/pieces'
import { useWords } from '@/words'
import { useProblemLine } from '@/words/server'
import { shared } from '@/words/shared'
import { isOver, verbsOf } from './verbs'
import { words } from './words'

const ICONS: Record<RunVerb, IconName> = { pause: 'pause', resume: 'play', stop: 'stop', restart: 'restart' }

export function Buttons({ run }: { run: Run }) {
  const w = useWords(words)
  const s = useWords(shared)
  const dispatch = useAppDispatch()
  const navigate = useNavigate()
  const [control, { isLoading, originalArgs }] = useControlMutation()
  const [remove] = useDeleteRunMutation()
  const [asking, setAsking] = useState<'stop' | 'restart' | 'delete' | null>(null)
  const act = async (verb: RunVerb) => {
    const answer = await control({ id: run.id, verb }).unwrap()
    if (verb === 'restart') await navigate(`/runs/${answer.id}`)
  }
  const lineOf = useProblemLine()
  const press = (verb: RunVerb) => {
    if (verb === 'stop' || verb === 'restart') {
      setAsking(verb)
      return
    }
    act(verb).catch((error: unknown) => {
      dispatch(notice(lineOf(error), 'failed'))
    })
  }
  const verbs = verbsOf(run.state)
  return (
    <>
      {verbs.map((verb, index) => (
        <Do
          key={verb}
          label={s.verbs[verb]}
          icon={ICONS[verb]}
          needs="operator" where={run.project}
          variant={index === 0 ? 'filled' : 'default'}
          loading={isLoading && originalArgs?.verb === verb}
          onClick={() => press(verb)}
        />
      ))}
      {isOver(run.state) && (
        <Do label={s.delete} icon="trash" needs="operator" where={run.project} onClick={() => setAsking('delete')} />
      )}
      <Confirm opened={asking === 'stop'} onClose={() => setAsking(null)} title={w.confirmStop} verb={s.verbs.stop} danger onConfirm={() => act('stop')}>
        {w.confirmStopText}
      </Confirm>
      <Confirm opened={asking === 'restart'} onClose={() => setAsking(null)} title={w.confirmRestart} verb={s.verbs.restart} onConfirm={() => act('restart')}>
        {w.confirmRestartText}
      </Confirm>
      <Confirm
        opened={asking === 'delete'}
        onClose={() => setAsking(null)}
        title={w.confirmDelete}
        verb={s.delete}
        danger
        onConfirm={async () => {
          await remove(run.id).unwrap()
          dispatch(notice(w.deleted))
          await navigate('/runs')
        }}
      >
        {w.confirmDeleteText}
      </Confirm>
    </>
  )
}
