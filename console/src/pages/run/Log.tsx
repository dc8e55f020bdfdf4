// The log of a run, as it is written.

import { Checkbox, Select, TextInput } from '@mantine/core'
import { useLayoutEffect, useMemo, useRef, useState } from 'react'
import { useRunLogsQuery } from '@/api/runs'
import type { Run } from '@/api/types'
import { Empty, Loaded } from '@/ui/notes'
import { Icon } from '@/ui/Icon'
import { Time } from '@/ui/pieces'
import { useWords } from '@/words'
import classes from './run.module.css'
import { words } from './words'

const LEVELS = ['error', 'warn', 'info']

export function Log({ run }: { run: Run }) {
  const w = useWords(words)
  const query = useRunLogsQuery(run.id, { refetchOnMountOrArgChange: true })
  const [level, setLevel] = useState<string | null>(null)
  const [find, setFind] = useState('')
  const [follow, setFollow] = useState(true)
  const box = useRef<HTMLDivElement>(null)
  const lines = useMemo(() => {
    const worst = level === null ? LEVELS.length : LEVELS.indexOf(level)
    const wanted = find.toLowerCase()
    return query.data?.filter(
      (line) =>
        LEVELS.indexOf(line.level.toLowerCase()) <= worst &&
        (wanted === '' || line.message.toLowerCase().includes(wanted)),
    )
  }, [query.data, level, find])
  useLayoutEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [follow, lines])
  return (
    <Loaded query={{ ...query, data: lines }}>
      {(shown) => (
        <>
          <div className={classes.bar}>
            <TextInput
              data-search
              aria-label={w.find}
              placeholder={w.find}
              leftSection={<Icon name="search" size={14} />}
              value={find}
              onChange={(event) => setFind(event.currentTarget.value)}
              style={{ flex: '1 1 12rem' }}
            />
            <Select
              aria-label={w.level}
              placeholder={w.anyLevel}
              clearable
              data={LEVELS}
              value={level}
              onChange={setLevel}
              w={140}
            />
            <Checkbox label={w.follow} checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} />
          </div>
          {shown.length === 0 ? (
            <Empty title={w.noLines} />
          ) : (
            <div
              ref={box}
              className={classes.lines}
              role="log"
              aria-label={w.tabs.log}
              aria-live="off"
              tabIndex={0}
              onWheel={(event) => {
                if (event.deltaY < 0) setFollow(false)
              }}
            >
              {shown.map((line) => (
                <div key={line.seq} className={classes.line} data-level={line.level.toLowerCase()}>
                  <Time at={line.at} />
                  <span className={classes.level}>{line.level}</span>
                  <span className={classes.words}>{line.message}</span>
                </div>
              ))}
            </div>
          )}
        </>
      )}
    </Loaded>
  )
}
