import { useMantineColorScheme } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { useAppSelector } from '@/app/store'
import { stamp } from '@/format'
import type { ChartProps } from './Chart'

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}

/** Steps of the time axis, in seconds: nothing finer than what a label says. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400]
/** Where nothing moves, the axis reaches so far: steps of less than one would all read the same. */
const FLAT = 10
const FONT = '11px system-ui, sans-serif'

export default function Plot({ times, series, height = 150 }: ChartProps) {
  const ref = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  const { colorScheme } = useMantineColorScheme()
  const clock = useAppSelector((state) => state.preferences.clock)
  const plot = useRef<uPlot | null>(null)
  const data = useRef<uPlot.AlignedData>([[]])
  data.current = [times, ...series.map((s) => s.values)]
  const shape = series.map((s) => s.label + s.color).join('|')
  const shown = useRef(series)
  shown.current = series

  useEffect(() => {
    const host = ref.current
    if (!host) return
    const observer = new ResizeObserver(() => setWidth(Math.floor(host.clientWidth)))
    observer.observe(host)
    return () => observer.disconnect()
  }, [])

  useEffect(() => {
    const host = ref.current
    if (!host || width === 0) return
    const axis: uPlot.Axis = {
      stroke: color('--mantine-color-dimmed'),
      grid: { stroke: color('--sl-line'), width: 1 },
      ticks: { show: false },
      font: FONT,
    }
    const time = (s: number) => stamp(s * 1000, clock).slice(11)
    const made = new uPlot(
      {
        width,
        height,
        legend: { show: false },
        cursor: { points: { size: 6 }, y: false, drag: { x: false, y: false } },
        padding: [8, 26, 0, 0],
        scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(max * 1.1, FLAT)] } },
        axes: [
          { ...axis, space: 90, incrs: STEPS, values: (_, ticks) => ticks.map((t) => time(t)), size: 26 },
          { ...axis, size: 58, values: (_, ticks) => ticks.map((t) => shown.current[0]?.format(t) ?? '') },
        ],
        series: [
          {},
          ...shown.current.map((s) => {
            const stroke = color(s.color)
            return { label: s.label, stroke, fill: `${stroke}22`, width: 1.5, points: { show: false }, spanGaps: false }
          }),
        ],
        hooks: { setCursor: [(u) => tell(u, shown.current, time)] },
      },
      data.current,
      host,
    )
    plot.current = made
    return () => {
      plot.current = null
      made.destroy()
    }
  }, [width, height, colorScheme, clock, shape])

  useEffect(() => plot.current?.setData([times, ...series.map((s) => s.values)]), [times, series])
  return <div ref={ref} style={{ position: 'relative', height }} />
}

/** The values under the pointer. */
function tell(u: uPlot, series: ChartProps['series'], time: (s: number) => string): void {
  let box = u.over.querySelector<HTMLDivElement>('[data-tip]')
  if (!box) {
    box = document.createElement('div')
    box.dataset.tip = ''
    Object.assign(box.style, {
      position: 'absolute',
      top: '4px',
      padding: '2px 6px',
      fontSize: '11px',
      borderRadius: '3px',
      pointerEvents: 'none',
      whiteSpace: 'nowrap',
      background: 'var(--sl-surface)',
      border: '1px solid var(--sl-line)',
    })
    u.over.append(box)
  }
  const index = u.cursor.idx
  const at = index === null || index === undefined ? undefined : u.data[0][index]
  if (index === null || index === undefined || at === undefined) {
    box.style.display = 'none'
    return
  }
  box.style.display = 'block'
  box.textContent = `${time(at)}  ${series.map((s, i) => s.format(u.data[i + 1]?.[index])).join(' · ')}`
  const left = u.cursor.left ?? 0
  const flip = left > u.over.clientWidth / 2
  box.style.left = flip ? '' : `${left + 10}px`
  box.style.right = flip ? `${u.over.clientWidth - left + 10}px` : ''
}
