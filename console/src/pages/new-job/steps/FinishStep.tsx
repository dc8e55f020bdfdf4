// What it is called, what it would do, and go.

import { Select, Stack, Switch, Textarea, TextInput, NumberInput, Button } from '@mantine/core'
import { PlanView } from '@/job/PlanView'
import { Loading } from '@/ui/notes'
import { Panel } from '@/ui/pieces'
import { useProjectNames } from '@/ui/project'
import { DEFAULT_PROJECT } from '@/ui/ProjectTag'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import type { Draft } from '@/job/draft'
import { useForm } from '../form'
import { words } from '../words'
import classes from '../wizard.module.css'
import { PlanState } from './ColumnsStep'

/** What is said of a field stands below it, so that fields beside each other are at one height. */
const ORDER: ('label' | 'input' | 'description' | 'error')[] = ['label', 'input', 'description', 'error']

export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

export function FinishStep({ draft, change }: { draft: Draft; change: (part: Partial<Draft>) => void }) {
  const w = useWords(words)
  const s = useWords(shared)
  const projects = useProjectNames(draft.project || draft.base?.project, 'editor')
  const { plan } = useForm()
  return (
    <>
      <Panel title={w.job}>
        <Stack gap="sm">
          <div className={classes.fields}>
            <TextInput
              label={w.name}
              value={draft.name}
              onChange={(e) => change({ name: e.currentTarget.value })}
              disabled={draft.base !== undefined}
              error={draft.name !== '' && !NAME.test(draft.name) ? w.nameWrong : undefined}
              description={draft.base ? w.nameStays : w.nameHint}
              inputWrapperOrder={ORDER}
              placeholder="shop-to-warehouse"
              spellCheck={false}
              required
              withAsterisk={false}
            />
            {projects.length > 1 && (
              <Select
                label={s.project}
                description={draft.base ? w.projectMoves : w.projectHint}
                inputWrapperOrder={ORDER}
                data={projects}
                value={draft.project || draft.base?.project || DEFAULT_PROJECT}
                onChange={(next) => change({ project: next ?? '' })}
                allowDeselect={false}
                searchable={projects.length > 8}
              />
            )}
            <NumberInput label={w.priority} value={draft.priority} onChange={(next) => change({ priority: typeof next === 'number' ? next : 0 })} min={-10} max={10} allowDecimal={false} description={w.priorityHint} inputWrapperOrder={ORDER} />
          </div>
          <Textarea label={w.description} value={draft.description} onChange={(e) => change({ description: e.currentTarget.value })} autosize minRows={1} maxRows={6} />
          <Switch label={w.enabled} description={w.enabledHint} checked={draft.enabled} onChange={(e) => change({ enabled: e.currentTarget.checked })} />
        </Stack>
      </Panel>
      <Panel
        title={w.plan}
        aside={
          <Button variant="default" size="compact-xs" onClick={plan.ask} loading={plan.busy}>
            {w.planAgain}
          </Button>
        }
      >
        <Stack gap="sm">
          <PlanState />
          {plan.data ? (
            <PlanView plan={plan.data} />
          ) : (
            plan.busy && <Loading rows={6} />
          )}
        </Stack>
      </Panel>
    </>
  )
}
