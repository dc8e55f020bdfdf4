// The keys there are, shown by `?`.

import { Kbd } from '@mantine/core'
import { Dialog } from '@/ui/pieces'
import { useWords } from '@/words'
import classes from './layout.module.css'
import { GOES_TO } from './shortcuts'
import { words } from './words'

export function Keys({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const w = useWords(words)
  const name = (page: keyof typeof w.pages | 'newJob') => (page === 'newJob' ? w.newJob : w.pages[page])
  const rows: [string[], string][] = [
    ...GOES_TO.map(({ key, page }): [string[], string] => [['g', key], name(page)]),
    [['/'], w.keySearch],
    [['Alt', '←'], w.keyBack],
    [['Alt', '→'], w.keyNext],
    [['?'], w.keys],
  ]
  return (
    <Dialog opened={opened} onClose={onClose} title={w.keys} size="sm">
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
    </Dialog>
  )
}
