import { Link } from 'react-router'
import { useWords } from '@/words'
import { shared } from '@/words/shared'
import { Empty } from './notes'
import { Page, Panel } from './pieces'

export function NotFound() {
  const w = useWords(shared)
  return (
    <Page title={w.notFound}>
      <Panel flush>
        <Empty title={w.notFoundHint} action={<Link to="/">{w.backHome}</Link>} />
      </Panel>
    </Page>
  )
}
