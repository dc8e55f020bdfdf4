// The keys there are, shown by `?`.

import { Kbd, Modal } from '@mantine/core'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import classes from './layout.module.css'
import { GOES_TO } from './shortcuts'
import { words } from './words'

export function Keys({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const w = useWords(words)
  const s = useWords(shared)
  const name = (page: keyof typeof w.pages | 'newJob') => (page === 'newJob' ? w.newJob : w.pages[page])
  const rows: [string[], string][] = [
    ...GOES_TO.map(({ key, page }): [string[], string] => [['g', key], name(page)]),
    [['/'], w.keySearch],
    [['Alt', '←'], w.keyBack],
    [['Alt', '→'], w.keyNext],
    [['?'], w.keys],
  ]
  return (
    <Modal opened={opened} onClose={onClose} title={w.keys} closeButtonProps={{ 'aria-label': s.close }} size="sm">
      <dl className={classes.keys}>
        {rows.map(([keys, what]) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  )
}
