// A chart over time. uPlot is loaded when the first chart is shown.

import { Skeleton } from '@mantine/core'
import { lazy, Suspense } from 'react'

export interface Series {
  label: string
  /** A CSS variable. */
  color: string
  values: (number | null)[]
  /** How a value is written. */
  format: (value: number | null | undefined) => string
}
export interface ChartProps {
  /** What it shows, for those who do not see it; the last values are said with it. */
  label: string
  /** Seconds since 1970. */
  times: number[]
  series: Series[]
  height?: number
}

const Plot = lazy(() => import('./Plot'))

export function Chart(props: ChartProps) {
  const height = props.height ?? 150
  const last = props.series.map((s) => `${s.label}: ${s.format(s.values.at(-1))}`).join(', ')
  return (
    <div role="img" aria-label={`${props.label}. ${last}`} style={{ height, minWidth: 0, overflow: 'hidden' }}>
      <Suspense fallback={<Skeleton height={height} radius="sm" />}>
        <Plot {...props} height={height} />
      </Suspense>
    </div>
  )
}
