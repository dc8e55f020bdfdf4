// When a job starts by itself: by a cron expression (said in words), once, or after another job.

import { Autocomplete, SegmentedControl, Select, Stack, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useDebouncedValue } from '@mantine/hooks'
import { useJobNamesQuery } from '@/api/jobs'
import { Time } from '@/ui/pieces'
import { cronWords, isZone, nextStarts } from '@/job/cron'
import { words as jobWords } from '@/job/words'
import { useFormat } from '@/format'
import { useWords } from '@/words'
import { get } from '@/yaml/document'
import { readSchedule, type Schedule, writeSchedule } from '@/job/schedule'
import { useForm } from './form'
import { words } from './words'
import classes from './wizard.module.css'

const TYPING_MS = 250
const USUAL = ['0 3 * * *', '*/5 * * * *', '0 * * * *', '0 9 * * 1-5', '0 0 1 * *']
const zones = Intl.supportedValuesOf?.('timeZone') ?? []

export function ScheduleForm() {
  const w = useWords(words)
  const j = useWords(jobWords)
  const { language } = useFormat()
  const { spec, put } = useForm()
  const schedule = readSchedule(get(spec, ['schedule']))
  const [typed] = useDebouncedValue(schedule.kind === 'after' ? (schedule.after ?? '') : '', TYPING_MS)
  const { data: jobs } = useJobNamesQuery(typed)
  const set = (next: Schedule) => put(['schedule'], writeSchedule(next, get(spec, ['schedule'])))
  const [now] = useState(Date.now)
  const zone = schedule.timezone ?? 'UTC'
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone
  const said = schedule.kind === 'cron' ? cronWords(schedule.cron ?? '', language) : null
  const next = schedule.kind === 'cron' && said !== null ? nextStarts(schedule.cron ?? '', zone, now, 3) : []
  return (
    <Stack gap="sm">
      <SegmentedControl
        value={schedule.kind}
        onChange={(kind) => {
          if (kind === 'cron') set({ kind, cron: '0 3 * * *', timezone: own === 'UTC' ? undefined : own })
          else if (kind === 'once') set({ kind, once: new Date(Math.ceil((now + 3_600_000) / 3_600_000) * 3_600_000).toISOString().replace('.000', '') })
          else if (kind === 'after') set({ kind, after: jobs?.[0] ?? '' })
          else set({ kind: 'none' })
        }}
        data={(['none', 'cron', 'once', 'after'] as const).map((one) => ({ value: one, label: w.schedules[one] }))}
        style={{ alignSelf: 'flex-start' }}
        aria-label={w.schedule}
        className={classes.wrap}
      />
      {schedule.kind === 'cron' && (
        <>
          <div className={classes.fields}>
            <Autocomplete
              label={w.cron}
              value={schedule.cron ?? ''}
              onChange={(cron) => set({ ...schedule, cron })}
              data={USUAL}
              renderOption={({ option }) => (
                <span>
                  <code>{option.value}</code> <span className={classes.quiet}>{cronWords(option.value, language)}</span>
                </span>
              )}
              filter={({ options }) => options}
              error={said === null ? j.notCron : undefined}
              styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
            />
            <Autocomplete label={w.zone} value={schedule.timezone ?? ''} placeholder="UTC" onChange={(timezone) => set({ ...schedule, timezone: timezone === '' ? undefined : timezone })} data={['UTC', ...zones.filter((one) => one !== 'UTC')]} limit={50} error={isZone(zone) ? undefined : w.noZone} />
          </div>
          {said !== null && (
            <div className={classes.said} role="status">
              <strong>{said}</strong>
              <span className={classes.quiet}>
                {next.length === 0 ? j.noStarts : `${j.nextStarts}: `}
                {next.map((at, i) => (
                  <span key={at}>
                    {i > 0 && ' · '}
                    <Time at={at} as="stamp" />
                  </span>
                ))}
              </span>
            </div>
          )}
        </>
      )}
      {schedule.kind === 'once' && <TextInput label={w.moment} value={schedule.once ?? ''} onChange={(e) => set({ ...schedule, once: e.currentTarget.value })} placeholder="2026-12-24T18:00:00+01:00" error={Number.isNaN(Date.parse(schedule.once ?? '')) ? w.noMoment : undefined} description={Number.isNaN(Date.parse(schedule.once ?? '')) ? undefined : <Time at={Date.parse(schedule.once ?? '')} as="ago" />} maw={440} />}
      {schedule.kind === 'after' && (
        <div className={classes.fields}>
          <Autocomplete label={w.afterJob} value={schedule.after ?? ''} onChange={(after) => set({ ...schedule, after })} data={jobs ?? []} />
          <Select label={w.afterOn} value={schedule.on ?? 'finished'} onChange={(on) => set({ ...schedule, on: on === 'finished' || on === null ? undefined : on })} data={(['finished', 'failed', 'ended'] as const).map((one) => ({ value: one, label: w.endings[one] }))} allowDeselect={false} />
        </div>
      )}
      {schedule.kind !== 'none' && (
        <div className={classes.fields}>
          <Select label={w.overlap} value={schedule.overlap ?? 'skip'} onChange={(one) => set({ ...schedule, overlap: one === 'skip' || one === null ? undefined : one })} data={(['skip', 'queue'] as const).map((one) => ({ value: one, label: w.overlaps[one] }))} allowDeselect={false} />
          {schedule.kind !== 'after' && <Select label={w.missed} value={schedule.missed ?? 'once'} onChange={(one) => set({ ...schedule, missed: one === 'once' || one === null ? undefined : one })} data={(['once', 'skip'] as const).map((one) => ({ value: one, label: w.misses[one] }))} allowDeselect={false} />}
        </div>
      )}
    </Stack>
  )
}
