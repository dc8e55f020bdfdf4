// The log of a run: its end, and what was before on demand.

import { Button, Checkbox, Select, TextInput } from '@mantine/core'
import { useLayoutEffect, useMemo, useRef, useState } from 'react'
import { useOlderLinesMutation, useRunLogsQuery } from '@/api/runs'
import type { Run } from '@/api/types'
import { Empty, Loaded } from '@/ui/notes'
import { Icon } from '@/ui/Icon'
import { Time } from '@/ui/pieces'
import { Told } from '@/ui/Told'
import { useWords } from '@/words'
import { useServerWords } from '@/words/server'
import classes from './run.module.css'
import { words } from './words'

const LEVELS = ['error', 'warn', 'info']

export function Log({ run }: { run: Run }) {
  const w = useWords(words)
  const { tell } = useServerWords()
  const query = useRunLogsQuery(run.id, { refetchOnMountOrArgChange: true })
  const [level, setLevel] = useState<string | null>(null)
  const [find, setFind] = useState('')
  const [follow, setFollow] = useState(true)
  const box = useRef<HTMLDivElement>(null)
  const lines = useMemo(() => {
    const worst = level === null ? LEVELS.length : LEVELS.indexOf(level)
    const wanted = find.toLowerCase()
    return query.data?.items.filter(
      (line) =>
        LEVELS.indexOf(line.level.toLowerCase()) <= worst &&
        (wanted === '' || line.message.toLowerCase().includes(wanted) || tell(line.message).toLowerCase().includes(wanted)),
    )
  }, [query.data, level, find, tell])
  const [older, asked] = useOlderLinesMutation()
  const previous = query.data?.previous ?? null
  /** What was shown before: lines that come in above push down what somebody reads, and it is brought back. */
  const before = useRef({ first: 0, height: 0 })
  useLayoutEffect(() => {
    const { current } = box
    if (!current) return
    const first = lines?.[0]?.seq ?? 0
    if (follow) current.scrollTop = current.scrollHeight
    else if (first < before.current.first) current.scrollTop += current.scrollHeight - before.current.height
    before.current = { first, height: current.scrollHeight }
  }, [follow, lines])
  const back = () => {
    if (previous === null) return
    setFollow(false)
    void older({ run: run.id, before: previous })
  }
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
          {previous !== null && (
            <div className={classes.older}>
              <Button variant="subtle" size="compact-sm" loading={asked.isLoading} onClick={back}>
                {w.olderLines}
              </Button>
            </div>
          )}
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
                  <span className={classes.words}>
                    <Told>{line.message}</Told>
                  </span>
                </div>
              ))}
            </div>
          )}
        </>
      )}
    </Loaded>
  )
}
