// Projects to choose from: in a form, and as a filter of lists.

import { Select } from '@mantine/core'
import { useMemo } from 'react'
import { useProjectsQuery } from '@/api/projects'
import type { Role } from '@/api/types'
import { may } from '@/app/session'
import { useAppSelector } from '@/app/store'
import { useWords } from '@/words'
import { shared } from '@/words/shared'

/** The names of projects, where a role is needed of those that give it, and of this one should it be another. */
export function useProjectNames(chosen?: string, needs?: Role): string[] {
  const { data } = useProjectsQuery(undefined, { refetchOnMountOrArgChange: 30 })
  const me = useAppSelector((state) => state.session.user)
  return useMemo(() => namesOf((data ?? []).filter((one) => needs === undefined || may(me, needs, one.name)), chosen), [data, me, chosen, needs])
}

export function namesOf(projects: readonly { name: string }[], chosen?: string): string[] {
  const names = new Set(projects.map((one) => one.name))
  if (chosen) names.add(chosen)
  return [...names].sort()
}

interface FilterProps {
  value: string
  onChange: (project: string) => void
  label?: boolean
  w?: number
}

/** Chooses among projects, where there is more than one. */
export function ProjectFilter({ value, onChange, label, w: width }: FilterProps) {
  const w = useWords(shared)
  const names = useProjectNames(value)
  if (names.length < 2 && value === '') return null
  return (
    <Select
      label={label ? w.project : undefined}
      aria-label={label ? undefined : w.project}
      placeholder={w.anyProject}
      data={names}
      value={value || null}
      onChange={(next) => onChange(next ?? '')}
      clearable
      searchable={names.length > 8}
      w={width}
    />
  )
}
