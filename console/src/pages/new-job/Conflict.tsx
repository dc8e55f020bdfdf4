// Somebody else saved the job in the meantime: what they changed, and the ways on.

import { Button, Group, Modal, Stack } from '@mantine/core'
import { useMemo } from 'react'
import type { Job } from '@/api/types'
import { diffTexts } from '@/job/diff'
import { DiffView } from '@/job/DiffView'
import { merge } from '@/job/merge'
import { Note } from '@/ui/notes'
import { Time } from '@/ui/pieces'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { words } from './words'

interface Props {
  /** The text this edit began with. */
  base: string
  theirs: Job
  mine: string
  onClose: () => void
  /** Goes on with this text, on top of their version. */
  onTake: (text: string, version: number) => void
}

export function Conflict({ base, theirs, mine, onClose, onTake }: Props) {
  const w = useWords(words)
  const s = useWords(shared)
  const merged = useMemo(() => merge(base, theirs.yaml, mine), [base, theirs.yaml, mine])
  const clean = merged !== null && merged.conflicts.length === 0
  return (
    <Modal opened onClose={onClose} title={w.conflict} size="xl" closeButtonProps={{ 'aria-label': s.close }} attributes={{ header: { role: 'presentation' } }}>
      <Stack gap="sm">
        <Note tone="waiting" title={w.conflictTitle(theirs.version)}>
          <p>
            {theirs.updated_at && <Time at={theirs.updated_at} as="stamp" />} {w.conflictHint}
          </p>
        </Note>
        <strong>{w.theyChanged}</strong>
        <DiffView lines={diffTexts(base, theirs.yaml)} label={w.theyChanged} />
        <strong>{w.youChanged}</strong>
        <DiffView lines={diffTexts(base, mine)} label={w.youChanged} />
        {merged && !clean && <Note tone="failed" title={w.bothChanged}><p><code>{merged.conflicts.map((path) => path.join('.')).join(', ')}</code></p></Note>}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={() => onTake(theirs.yaml, theirs.version)}>
            {w.takeTheirs}
          </Button>
          <Button onClick={() => onTake(merged?.text ?? mine, theirs.version)}>{clean ? w.takeBoth : w.mineOnTop}</Button>
        </Group>
      </Stack>
    </Modal>
  )
}
