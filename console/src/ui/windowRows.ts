// Rows of a list that scrolls with the page: only those in view are drawn, however many there are.

import { defaultRangeExtractor, type Range, useWindowVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useLayoutEffect, useRef, useState } from 'react'

interface Options {
  count: number
  /** Height of a row that was not drawn yet. */
  height: number
  keyOf: (index: number) => string | number
  /** Drawn above and below what is in view. */
  overscan: number
  /** Stays drawn wherever the page is scrolled to: it has the focus, or is being dragged. */
  held?: number | null
  /** What covers the page's upper and lower edge: a row that is brought into view stands clear of it. */
  covered?: { above: number; below: number }
}

const NOTHING = { above: 0, below: 0 }

export function useWindowRows({ count, height, keyOf, overscan, held = null, covered = NOTHING }: Options) {
  const body = useRef<HTMLDivElement>(null)
  const [offset, setOffset] = useState(0)
  // What stands above the list moves it; its place is measured again as the page changes its height.
  useLayoutEffect(() => {
    const measure = () => {
      if (body.current) setOffset(Math.round(body.current.getBoundingClientRect().top + scrollY))
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(document.body)
    return () => observer.disconnect()
  }, [])
  const rangeExtractor = useCallback((range: Range) => withHeld(defaultRangeExtractor(range), held, range.count), [held])
  const virtualizer = useWindowVirtualizer({
    count,
    estimateSize: () => height,
    overscan,
    scrollMargin: offset,
    scrollPaddingStart: covered.above,
    scrollPaddingEnd: covered.below,
    getItemKey: keyOf,
    rangeExtractor,
  })
  return { body, offset, virtualizer, items: virtualizer.getVirtualItems(), total: virtualizer.getTotalSize() }
}

/** The indexes that are drawn, ascending, with the one that is held among them. */
export function withHeld(drawn: number[], held: number | null, count: number): number[] {
  if (held === null || held < 0 || held >= count || drawn.includes(held)) return drawn
  return [...drawn, held].sort((a, b) => a - b)
}
