import { Button, Group, NumberInput, SimpleGrid, Switch, TagsInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useSettingsQuery, useTestAlertsMutation, useUpdateSettingsMutation, type VersionedSettings } from '@/api/admin'
import type { Settings } from '@/api/types'
import { useKept } from '@/app/kept'
import { notice } from '@/app/notices'
import { useAppDispatch } from '@/app/store'
import { ErrorNote, Loaded, NotSaved } from '@/ui/notes'
import { Do, Page, Panel, Time, Unsaved, useMay } from '@/ui/pieces'
import ui from '@/ui/ui.module.css'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { AlertsForm } from './AlertsForm'
import { words } from './words'

const MOST = 1_024
const MOST_DAYS = 36_500
const ORDER: ('label' | 'input' | 'description' | 'error')[] = ['label', 'input', 'description', 'error']

export function Component() {
  const w = useWords(words)
  const query = useSettingsQuery()
  const [round, setRound] = useState(0)
  const reload = async () => {
    await query.refetch()
    setRound(round + 1)
  }
  return (
    <Page title={w.title}>
      <Loaded query={query} rows={12}>
        {(data) => <Form key={round} saved={data} reload={() => void reload()} />}
      </Loaded>
    </Page>
  )
}

function Form({ saved, reload }: { saved: VersionedSettings; reload: () => void }) {
  const w = useWords(words)
  const s = useWords(shared)
  const dispatch = useAppDispatch()
  const readOnly = !useMay('admin')
  // What was read when the form was filled: a later version is somebody else's work.
  const form = useKept<VersionedSettings>('settings', () => saved, withoutSecrets)
  const { settings } = form.value
  const [update, updating] = useUpdateSettingsMutation()
  const [test, testing] = useTestAlertsMutation()
  const set = (changed: Partial<Settings>) => form.set({ ...form.value, settings: { ...settings, ...changed } })
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const done = await update(form.value)
    if (done.error) return
    form.forget({ settings: done.data, version: done.data.version ?? form.value.version + 1 })
    dispatch(notice(w.saved))
  }
  const anew = () => {
    form.forget(saved)
    reload()
  }
  const number = (label: string, hint: string | undefined, value: number | null, change: (n: number | null) => void, max: number) => (
    <NumberInput
      label={label}
      description={hint}
      inputWrapperOrder={ORDER}
      value={value ?? ''}
      onChange={(next) => change(typeof next === 'number' ? next : null)}
      min={1}
      max={max}
      allowDecimal={false}
      readOnly={readOnly}
    />
  )
  return (
    <form onSubmit={(event) => void submit(event)} className={ui.page}>
      <Panel title={w.pool}>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          {number(w.slots, w.slotsHint, settings.slots, (n) => set({ slots: n ?? 1 }), MOST)}
          {number(w.perConnection, w.perConnectionHint, settings.per_connection_limit, (n) => set({ per_connection_limit: n ?? 1 }), MOST)}
        </SimpleGrid>
      </Panel>
      <Panel title={w.history}>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          {number(w.historyDays, undefined, settings.history_days, (n) => set({ history_days: n ?? 1 }), MOST_DAYS)}
          {number(w.auditDays, w.auditHint, settings.audit_days, (n) => set({ audit_days: n }), MOST_DAYS)}
        </SimpleGrid>
      </Panel>
      <Panel title={w.access}>
        <div className={ui.page}>
          <TagsInput label={w.fileRoots} description={w.fileRootsHint} inputWrapperOrder={ORDER} value={settings.file_roots} onChange={(file_roots) => set({ file_roots })} readOnly={readOnly} placeholder="/data/exchange" />
          <TagsInput label={w.environment} description={w.environmentHint} inputWrapperOrder={ORDER} value={settings.environment} onChange={(environment) => set({ environment })} readOnly={readOnly} />
          <Switch label={w.privateNetworks} description={w.privateNetworksHint} checked={settings.allow_private_networks} onChange={(event) => set({ allow_private_networks: event.currentTarget.checked })} disabled={readOnly} />
        </div>
      </Panel>
      <Panel title={w.alerts}>
        <AlertsForm alerts={settings.alerts} onChange={(alerts) => set({ alerts })} readOnly={readOnly} />
      </Panel>
      <NotSaved error={updating.error} overtaken={w.overtaken} onReload={anew} />
      {testing.error && <ErrorNote error={testing.error} />}
      <Group gap="xs">
        <Button type="submit" loading={updating.isLoading} disabled={readOnly}>
          {s.save}
        </Button>
        <Do
          label={w.test}
          needs="admin"
          loading={testing.isLoading}
          onClick={() =>
            void test().then((done) => {
              if (!done.error) dispatch(notice(w.tested))
            })
          }
        />
        <Unsaved changed={form.changed} onDiscard={anew} />
        {saved.settings.updated_at && (
          <span className={ui.sub}>
            {w.lastChange}: <Time at={saved.settings.updated_at} as="stamp" />
            {saved.settings.updated_by ? ` ${w.by(saved.settings.updated_by)}` : ''}
          </span>
        )}
      </Group>
    </form>
  )
}

/** What may be kept in the browser. */
function withoutSecrets({ settings, version }: VersionedSettings): VersionedSettings {
  const { email, webhooks } = settings.alerts
  const alerts = { ...settings.alerts, email: email && { ...email, password: undefined }, webhooks: webhooks.map((one) => ({ ...one, authorization: undefined })) }
  return { settings: { ...settings, alerts }, version }
}
