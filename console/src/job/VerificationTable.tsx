// Comparisons of source and target in a list.

import { Link } from 'react-router'
import type { Verification } from '@/api/types'
import { duration, percent, short, useFormat } from '@/format'
import { type Column, DataTable } from '@/ui/DataTable'
import { Time } from '@/ui/pieces'
import { useWords } from '@/words'
import classes from './job.module.css'
import { verdict, wrongOf } from './verdict'
import { words } from './verifyWords'

export function Verdict({ of }: { of: Verification }) {
  const w = useWords(words)
  const f = useFormat()
  const what = verdict(of)
  return (
    <span className={classes.verdict} data-verdict={what}>
      {what === 'differs' ? w.differs(f.whole(wrongOf(of))) : w.verdicts[what]}
      {typeof of.progress?.share === 'number' && (what === 'running' || what === 'repairing') && ` ${percent(of.progress.share)}`}
    </span>
  )
}

const isBusy = (one: Verification) => one.state === 'running' || one.state === 'repairing'

export function VerificationTable({ rows, label, withJob }: { rows: readonly Verification[]; label: string; withJob?: boolean }) {
  const w = useWords(words)
  const columns: Column<Verification>[] = [
    {
      id: 'at',
      title: withJob ? w.job : w.began,
      width: 'minmax(9rem, 1fr)',
      main: true,
      clip: true,
      cell: (one) => <Link to={`/verifications/${encodeURIComponent(one.id)}`}>{withJob ? one.job : <Time at={one.created_at} as="stamp" />}</Link>,
    },
    { id: 'verdict', title: w.result, width: 'minmax(8rem, 1fr)', labelled: false, cell: (one) => <Verdict of={one} /> },
    { id: 'tables', title: w.tables, width: '5rem', right: true, cell: (one) => (isBusy(one) ? (one.progress?.tables ?? '–') : one.tables.length) },
    { id: 'rows', title: w.equalRows, width: '6rem', right: true, cell: (one) => short(isBusy(one) ? null : one.tables.reduce((sum, table) => sum + table.equal, 0)) },
    { id: 'took', title: w.took, width: '5rem', right: true, cell: (one) => duration(one.seconds === undefined ? null : one.seconds * 1000) },
    ...(withJob ? [{ id: 'began', title: w.began, width: '8rem', cell: (one: Verification) => <Time at={one.created_at} as="ago" /> }] : []),
  ]
  return <DataTable label={label} columns={columns} rows={rows} rowKey={(one) => one.id} linked virtual={rows.length > 100} />
}
