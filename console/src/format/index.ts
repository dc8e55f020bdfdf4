import { useMemo } from 'react'
import { useAppSelector } from '@/app/store'
import * as numbers from './numbers'
import * as times from './times'

/** The formats in the language and zone that are chosen. */
export function useFormat() {
  const { language, clock } = useAppSelector((state) => state.preferences)
  return useMemo(
    () => ({
      language,
      clock,
      whole: (n: number | null | undefined) => numbers.whole(n, language),
      stamp: (at: times.Instant) => times.stamp(at, clock),
      moment: (at: times.Instant) => times.moment(at, clock),
      ago: (at: times.Instant) => times.ago(at, language),
    }),
    [language, clock],
  )
}

export * from './numbers'
export * from './places'
export * from './times'
