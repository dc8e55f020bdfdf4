// How fast, what is done with bad values and changed definitions, and when it starts by itself.

import { Stack } from '@mantine/core'
import { Panel } from '@/ui/pieces'
import { useWords } from '@/words'
import { ChoiceField, NumberField, SwitchField, TextField, textAt, useForm } from '../form'
import { ScheduleForm } from '../ScheduleForm'
import { words } from '../words'
import classes from '../wizard.module.css'

const KINDS = ['zero_date', 'invalid_date', 'nul_in_text', 'invalid_utf8', 'nan', 'infinity', 'negative_zero', 'out_of_range', 'too_long', 'default'] as const
const BOUNDED = new Set<string>(['infinity', 'negative_zero', 'out_of_range', 'too_long'])
const EVENTS = ['create_table', 'drop_table', 'rename_table', 'truncate', 'add_column', 'drop_column', 'modify_column', 'rename_column', 'indexes'] as const
const PAUSES = new Set<string>(['drop_table', 'drop_column'])

export function RulesStep() {
  const w = useWords(words)
  const { spec } = useForm()
  const follows = ['changes', 'full+changes'].includes(textAt(spec, ['mode']))
  const fate = (one: 'fail' | 'dead-letter' | 'null' | 'clamp') => ({ value: one, label: w.fates[one] })
  return (
    <>
      <Panel title={w.schedule}>
        <ScheduleForm />
      </Panel>
      <Panel title={w.speed}>
        <div className={classes.fields}>
          <NumberField path={['speed', 'parallel']} label={w.parallel} placeholder={w.cores} />
          <NumberField path={['speed', 'rows_per_second']} label={w.rowsPerSecond} placeholder={w.unlimited} step={1000} />
          <NumberField path={['speed', 'bytes_per_second']} label={w.bytesPerSecond} placeholder={w.unlimited} step={1_048_576} />
          <NumberField path={['speed', 'split_rows']} label={w.splitRows} placeholder="50,000" step={10_000} />
          <TextField path={['checkpoint', 'every']} label={w.checkpoint} placeholder="10s" data={['1s', '10s', '1m']} />
          <TextField path={['retry', 'for']} label={w.retry} placeholder="10m" data={['1m', '10m', '1h', 'forever']} description={w.retryHint} />
        </div>
      </Panel>
      <Panel title={w.badRows}>
        <Stack gap="md">
          <p className={classes.quiet}>{w.badRowsHint}</p>
          <div className={classes.fields}>
            <NumberField path={['errors', 'rows']} label={w.badCount} min={0} placeholder={w.none} />
            <NumberField path={['errors', 'ratio']} label={w.badRatio} min={0} max={1} step={0.001} decimalScale={6} placeholder={w.none} description={w.badRatioHint} />
          </div>
          <SwitchField path={['errors', 'allow_lossy']} label={w.allowLossy} description={w.allowLossyHint} />
          <fieldset className={classes.fieldset}>
            <legend>{w.badValues}</legend>
            <div className={classes.fields}>
              {KINDS.map((kind) => (
                <ChoiceField
                  key={kind}
                  path={['errors', 'values', kind]}
                  label={w.kinds[kind]}
                  none={kind === 'default' ? w.byLimits : w.asOthers}
                  data={[fate('fail'), fate('dead-letter'), fate('null'), ...(BOUNDED.has(kind) ? [fate('clamp')] : [])]}
                />
              ))}
            </div>
          </fieldset>
        </Stack>
      </Panel>
      {follows && (
        <Panel title={w.definitions}>
          <div className={classes.fields}>
            {EVENTS.map((event) => {
              const usual = PAUSES.has(event) ? 'pause' : 'apply'
              return (
                <ChoiceField
                  key={event}
                  path={['schema_changes', event]}
                  label={w.events[event]}
                  none={w.asDefault(w.policies[usual])}
                  data={(['apply', 'ignore', 'pause'] as const).map((one) => ({ value: one, label: w.policies[one] }))}
                />
              )
            })}
          </div>
        </Panel>
      )}
    </>
  )
}
