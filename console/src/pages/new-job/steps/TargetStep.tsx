// Where rows go, under which names, and what becomes of rows that are there already.

import { Radio, Stack } from '@mantine/core'
import { Panel, Route } from '@/ui/pieces'
import { useWords } from '@/words'
import { ChoiceField, TextField, textAt, useForm } from '../form'
import { targetOf, useChosenTables } from '../tables'
import { words } from '../words'
import classes from '../wizard.module.css'
import { ConnectionPick } from './SourceStep'
import { tableName } from '@/api/connections'

const WRITES = ['', 'append', 'upsert', 'replace'] as const

export function TargetStep() {
  const w = useWords(words)
  const { spec, put } = useForm()
  const { chosen } = useChosenTables()
  const template = textAt(spec, ['sink', 'table'])
  return (
    <>
      <Panel title={w.steps.target}>
        <ConnectionPick side="sink" />
      </Panel>
      <Panel title={w.targetTables}>
        <Stack gap="sm">
          <TextField path={['sink', 'table']} label={w.template} placeholder="{table}" mono description={w.templateHint} data={['{table}', '{schema}_{table}', 'dw.{table}']} />
          {chosen.length > 0 && (
            <ul className={classes.examples} aria-label={w.examples}>
              {chosen.slice(0, 3).map((table) => (
                <li key={tableName(table)}>
                  <Route from={tableName(table)} to={targetOf(template, table)} />
                </li>
              ))}
              {chosen.length > 3 && <li className={classes.quiet}>{w.andMore(chosen.length - 3)}</li>}
            </ul>
          )}
          <div className={classes.fields}>
            <ChoiceField path={['sink', 'create']} label={w.missingTables} none={w.createKinds.auto} data={[{ value: 'never', label: w.createKinds.never }]} />
            <ChoiceField path={['sink', 'generated']} label={w.generated} none={w.generatedKinds.keep} data={[{ value: 'materialise', label: w.generatedKinds.materialise }]} description={w.generatedHint} />
          </div>
        </Stack>
      </Panel>
      <Panel title={w.thereAlready}>
        <Radio.Group value={textAt(spec, ['sink', 'write'])} onChange={(next) => put(['sink', 'write'], next === '' ? undefined : next)} aria-label={w.thereAlready}>
          <div className={classes.cards}>
            {WRITES.map((one) => (
              <Radio.Card key={one} value={one} className={classes.card}>
                <Radio.Indicator />
                <span>
                  <strong>{w.writes[one === '' ? 'auto' : one].title}</strong>
                  <span className={classes.quiet}>{w.writes[one === '' ? 'auto' : one].hint}</span>
                </span>
              </Radio.Card>
            ))}
          </div>
        </Radio.Group>
      </Panel>
    </>
  )
}
