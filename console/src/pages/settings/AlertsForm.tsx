import { Button, Fieldset, NumberInput, PasswordInput, Select, SimpleGrid, Stack, Switch, TagsInput, TextInput } from '@mantine/core'
import type { Alerts, Email, Webhook } from '@/api/types'
import { Icon } from '@/ui/Icon'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { words } from './words'

interface Props {
  alerts: Alerts
  onChange: (alerts: Alerts) => void
  readOnly: boolean
}

const NO_MAIL: Email = { host: '', port: 587, security: 'start_tls', from: '', to: [] }

export function AlertsForm({ alerts, onChange, readOnly }: Props) {
  const w = useWords(words)
  const set = (changed: Partial<Alerts>) => onChange({ ...alerts, ...changed })
  const limit = (label: string, key: 'waiting_seconds' | 'lag_seconds' | 'dead_letters', suffix?: string) => (
    <NumberInput
      label={label}
      value={alerts[key] ?? ''}
      onChange={(next) => set({ [key]: typeof next === 'number' ? next : null })}
      min={1}
      allowDecimal={false}
      suffix={suffix}
      placeholder={w.off}
      readOnly={readOnly}
    />
  )
  return (
    <Stack gap="md">
      <Switch label={w.onFailed} checked={alerts.on_failed} onChange={(event) => set({ on_failed: event.currentTarget.checked })} disabled={readOnly} />
      <SimpleGrid cols={{ base: 1, sm: 3 }}>
        {limit(w.waiting, 'waiting_seconds', w.seconds)}
        {limit(w.lag, 'lag_seconds', w.seconds)}
        {limit(w.dead, 'dead_letters')}
      </SimpleGrid>
      <TextInput label={w.link} value={alerts.link ?? ''} onChange={(event) => set({ link: event.currentTarget.value || null })} placeholder="https://syncline.example.org" readOnly={readOnly} />
      <Webhooks webhooks={alerts.webhooks} onChange={(webhooks) => set({ webhooks })} readOnly={readOnly} />
      <Switch label={w.useEmail} checked={alerts.email !== null} onChange={(event) => set({ email: event.currentTarget.checked ? NO_MAIL : null })} disabled={readOnly} />
      {alerts.email && <Mail email={alerts.email} onChange={(email) => set({ email })} readOnly={readOnly} />}
    </Stack>
  )
}

function Webhooks({ webhooks, onChange, readOnly }: { webhooks: Webhook[]; onChange: (webhooks: Webhook[]) => void; readOnly: boolean }) {
  const w = useWords(words)
  const s = useWords(shared)
  const set = (index: number, changed: Partial<Webhook>) => onChange(webhooks.map((one, i) => (i === index ? { ...one, ...changed } : one)))
  return (
    <Fieldset legend={w.webhooks}>
      <Stack gap="sm">
        {webhooks.map((webhook, index) => (
          <SimpleGrid key={index} cols={{ base: 1, sm: 4 }} style={{ alignItems: 'end' }}>
            <TextInput label={s.name} value={webhook.name} onChange={(event) => set(index, { name: event.currentTarget.value })} readOnly={readOnly} required withAsterisk={false} />
            <TextInput label={w.url} value={webhook.url} onChange={(event) => set(index, { url: event.currentTarget.value })} readOnly={readOnly} required withAsterisk={false} />
            <PasswordInput
              label={w.authorization}
              placeholder={webhook.has_authorization ? w.kept : undefined}
              value={webhook.authorization ?? ''}
              onChange={(event) => set(index, { authorization: event.currentTarget.value || undefined })}
              readOnly={readOnly}
              autoComplete="new-password"
            />
            <Button variant="default" size="sm" onClick={() => onChange(webhooks.filter((_, i) => i !== index))} disabled={readOnly}>
              {w.remove}
            </Button>
          </SimpleGrid>
        ))}
        <div>
          <Button variant="default" leftSection={<Icon name="plus" size={14} />} disabled={readOnly} onClick={() => onChange([...webhooks, { name: `webhook-${webhooks.length + 1}`, url: '' }])}>
            {w.addWebhook}
          </Button>
        </div>
      </Stack>
    </Fieldset>
  )
}

function Mail({ email, onChange, readOnly }: { email: Email; onChange: (email: Email) => void; readOnly: boolean }) {
  const w = useWords(words)
  const set = (changed: Partial<Email>) => onChange({ ...email, ...changed })
  return (
    <Fieldset legend={w.email}>
      <SimpleGrid cols={{ base: 1, sm: 3 }}>
        <TextInput label={w.host} value={email.host} onChange={(event) => set({ host: event.currentTarget.value })} readOnly={readOnly} required withAsterisk={false} />
        <NumberInput label={w.port} value={email.port} onChange={(next) => set({ port: typeof next === 'number' ? next : 587 })} min={1} max={65_535} allowDecimal={false} thousandSeparator="" readOnly={readOnly} />
        <Select
          label={w.security}
          data={(['tls', 'start_tls', 'none'] as const).map((one) => ({ value: one, label: w.securities[one] }))}
          value={email.security}
          allowDeselect={false}
          onChange={(next) => next && set({ security: next })}
          readOnly={readOnly}
        />
        <TextInput label={w.user} value={email.user ?? ''} onChange={(event) => set({ user: event.currentTarget.value || null })} readOnly={readOnly} autoComplete="off" />
        <PasswordInput label={w.password} placeholder={email.has_password ? w.kept : undefined} value={email.password ?? ''} onChange={(event) => set({ password: event.currentTarget.value || undefined })} readOnly={readOnly} autoComplete="new-password" />
        <TextInput label={w.from} value={email.from} onChange={(event) => set({ from: event.currentTarget.value })} readOnly={readOnly} required withAsterisk={false} />
      </SimpleGrid>
      <TagsInput mt="md" label={w.to} description={w.toHint} value={email.to} onChange={(to) => set({ to })} readOnly={readOnly} />
    </Fieldset>
  )
}
