import { asProblem } from '@/api/problem'
import type { ConnectionTest } from '@/api/types'
import { ErrorNote, Note } from '@/ui/notes'
import { Told } from '@/ui/Told'
import { useWords } from '@/words'
import { words } from './words'

/** What a test came to: what answered, and what it remarks. */
export function TestResult({ result, error }: { result?: ConnectionTest; error?: unknown }) {
  const w = useWords(words)
  if (error !== undefined) return <ErrorNote error={error} />
  if (!result) return null
  if (!result.ok) return <ErrorNote error={result.error ? asProblem(result.error) : { title: w.testFailed, status: 0 }} />
  return (
    <Note tone="finished" role="status" title={w.testOk}>
      {result.notes.map((note) => (
        <p key={note}>
          <Told>{note}</Told>
        </p>
      ))}
    </Note>
  )
}
