// The project of a job, as a word beside its name.

import { useWords } from '@/words'
import { shared } from '@/words/shared'
import classes from './ui.module.css'

/** Where jobs are that nobody has put elsewhere. */
export const DEFAULT_PROJECT = 'default'

/** Beside the name of a job or run; where all are in one project, there is nothing to say. */
export function ProjectTag({ of, always }: { of?: string; always?: boolean }) {
  const w = useWords(shared)
  if (!of || (of === DEFAULT_PROJECT && !always)) return null
  return (
    <span className={classes.tag} title={`${w.project}: ${of}`}>
      {of}
    </span>
  )
}
