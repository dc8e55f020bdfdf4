// A new job. Each draft has an address of its own, so that two windows write two jobs.

import { useEffect, useState } from 'react'
import { useSearchParams } from 'react-router'
import { freshDraft, useDraft } from '@/job/draft'
import { Wizard } from './Wizard'

const freshId = () => Math.random().toString(36).slice(2, 10)

export function Component() {
  const [search, setSearch] = useSearchParams()
  const named = search.get('draft')
  const [made] = useState(freshId)
  useEffect(() => {
    if (named === null) {
      setSearch(
        (before) => {
          before.set('draft', made)
          return before
        },
        { replace: true },
      )
    }
  }, [named, made, setSearch])
  const id = named ?? made
  return <Drafted key={id} id={id} project={search.get('project') ?? ''} />
}

function Drafted({ id, project }: { id: string; project: string }) {
  const { draft, change, forget, kept } = useDraft(id, () => freshDraft(id, project))
  return <Wizard draft={draft} change={change} forget={forget} kept={kept} />
}
