import { useWords } from '@/words'
import { countOf, type DiffLine } from './diff'
import classes from './job.module.css'
import { words } from './words'

const SIGNS: Record<DiffLine['kind'], string> = { same: ' ', added: '+', removed: '−', gap: '⋯' }

/** What differs, line by line: a sign as well as a colour. */
export function DiffView({ lines, label }: { lines: readonly DiffLine[]; label: string }) {
  const w = useWords(words)
  const { added, removed } = countOf(lines)
  if (lines.length === 0) return <p className={classes.quiet}>{w.noDifference}</p>
  return (
    <figure className={classes.diff} aria-label={label}>
      <figcaption>
        <span className={classes.added}>+{added}</span> <span className={classes.removed}>−{removed}</span>
      </figcaption>
      <div className={classes.lines} tabIndex={0} role="region" aria-label={label}>
        <div className={classes.linesInner}>
          {lines.map((line, at) => (
            <div key={at} className={classes.line} data-kind={line.kind}>
              <span className={classes.number} aria-hidden>
                {line.old ?? ''}
              </span>
              <span className={classes.number} aria-hidden>
                {line.new ?? ''}
              </span>
              <span className={classes.sign}>{SIGNS[line.kind]}</span>
              <span className={classes.text}>{line.text}</span>
            </div>
          ))}
        </div>
      </div>
    </figure>
  )
}
