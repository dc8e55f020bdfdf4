// Buttons that lead to where a run's trouble can be mended.

import { Button } from '@mantine/core'
import { Link } from 'react-router'
import type { Run } from '@/api/types'
import { short } from '@/format'
import { Icon, type IconName } from '@/ui/Icon'
import { useMay } from '@/ui/pieces'
import { defineWords, useWords } from '@/words'
import { type Cure, curesOf } from './cures'

const words = defineWords(
  {
    letters: (n: string) => `See the dead letters (${n})`,
    steps: {
      source: 'Change the source',
      tables: 'Change the tables',
      target: 'Change the target',
      columns: 'Change the columns',
      processors: 'Change the processors',
      rules: 'Change limits and rules',
      yaml: 'Edit the job',
    },
    connection: (name: string) => `Look at ${name}`,
    log: 'Read the log',
  },
  {
    letters: (n: string) => `查看死信（${n}）`,
    steps: {
      source: '修改源',
      tables: '修改表',
      target: '修改目标',
      columns: '修改列',
      processors: '修改处理步骤',
      rules: '修改限额与规则',
      yaml: '编辑作业',
    },
    connection: (name: string) => `查看 ${name}`,
    log: '阅读日志',
  },
)

const ICONS: Record<Cure['kind'], IconName> = { 'dead-letters': 'table', job: 'edit', connection: 'connections', log: 'audit' }

export function Cures({ run }: { run: Run }) {
  const w = useWords(words)
  const mayEdit = useMay('editor', run.project)
  const job = encodeURIComponent(run.job)
  const said = (cure: Cure): [string, string] => {
    switch (cure.kind) {
      case 'dead-letters':
        return [w.letters(short(cure.rows)), `/runs/${run.id}?tab=dead-letters`]
      case 'job':
        return [w.steps[cure.step], `/jobs/${job}/edit?${cure.step === 'yaml' ? 'as=yaml' : `step=${cure.step}`}`]
      case 'connection':
        return [w.connection(cure.name), `/connections/${encodeURIComponent(cure.name)}?tab=settings`]
      case 'log':
        return [w.log, `/runs/${run.id}?tab=log`]
    }
  }
  return curesOf(run)
    .filter((cure) => cure.kind !== 'job' || mayEdit)
    .map((cure) => {
      const [label, to] = said(cure)
      return (
        <Button key={to} component={Link} to={to} variant="default" size="compact-xs" leftSection={<Icon name={ICONS[cure.kind]} size={13} />}>
          {label}
        </Button>
      )
    })
}
