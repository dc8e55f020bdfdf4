// The console's own icons: strokes on a grid of 16, coloured by the text around them.

const PATHS = {
  overview: 'M2 9.5 5 6l3 3 5.5-6M2 13.5h12',
  runs: 'M5 3.5v9l7.5-4.5z',
  jobs: 'M3 4h6M3 8h10M3 12h7M12 4h1',
  connections: 'M8 3c3 0 5 .9 5 2s-2 2-5 2-5-.9-5-2 2-2 5-2zM3 5v6c0 1.100 2 2 5 2s5-.9 5-2V5M3 8c0 1.100 2 2 5 2s5-.9 5-2',
  nodes: 'M3 3h10v4H3zM3 9h10v4H3zM5 5h.01M5 11h.01',
  projects: 'M2 12.500V4h4l1.500 1.500H14v7zM2 7.500h12',
  verify: 'M8 2 3 4v4c0 3 2.200 5 5 6 2.800-1 5-3 5-6V4zM5.800 8l1.700 1.700L10.500 6.600',
  users: 'M6 8a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM1.500 13.500c0-2.500 2-4 4.500-4s4.500 1.500 4.500 4M11 3.200a2.500 2.500 0 0 1 0 4.600M12 9.800c1.500.5 2.500 1.700 2.500 3.700',
  tokens: 'M10.500 2.500a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8.400 7.600 3 13v.5h2.500V12H7v-1.500',
  audit: 'M4 2h6l3 3v9H4zM10 2v3h3M6.500 8.500h4M6.500 11h4',
  settings: 'M2 5h7M13 5h1M2 11h1M7 11h7M11 3.500v3M5 9.500v3',
  play: 'M5 3.500v9l7.500-4.500z',
  pause: 'M5.500 3.500v9M10.500 3.500v9',
  stop: 'M4 4h8v8H4z',
  restart: 'M13 8a5 5 0 1 1-1.600-3.700M13 2v3h-3',
  plus: 'M8 3v10M3 8h10',
  close: 'M4 4l8 8M12 4l-8 8',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.600 10.600 14 14',
  edit: 'M3 13l.7-3L11 2.800l2.200 2.200L6 12.300zM9.500 4.300l2.200 2.200',
  trash: 'M3 4.500h10M6 4.500V3h4v1.500M4.500 4.500l.6 8.500h5.800l.6-8.500M6.800 7v3.500M9.200 7v3.500',
  copy: 'M5.500 5.500h7.500v7.500H5.500zM3 10.500V3h7.500',
  download: 'M8 2.500v7.500M5 7.200 8 10.200l3-3M3 13.500h10',
  upload: 'M8 10.500V3M5 5.800 8 2.800l3 3M3 13.500h10',
  check: 'M3 8.500l3.500 3.500L13 4.500',
  warning: 'M8 2.500 14.500 13.500H1.500zM8 6.500v3.500M8 11.800v.01',
  info: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.500v3.500M8 5v.01',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1.500v1M8 13.500v1M1.500 8h1M13.500 8h1M3.400 3.400l.7.7M11.900 11.900l.7.7M3.400 12.600l.7-.7M11.900 4.100l.7-.7',
  moon: 'M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7z',
  language: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM2 8h12M8 2c2 2 2.500 4 2.500 6S10 12 8 14C6 12 5.500 10 5.500 8S6 4 8 2z',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.500V8l2.500 1.500',
  user: 'M8 8a2.800 2.800 0 1 0 0-5.600A2.800 2.800 0 0 0 8 8zM2.500 14c0-3 2.500-4.500 5.500-4.500s5.500 1.500 5.500 4.500',
  chevron: 'M6 3.500 10.500 8 6 12.500',
  down: 'M3.500 6 8 10.500 12.500 6',
  arrow: 'M2.500 8h11M9.500 4l4 4-4 4',
  table: 'M2.500 3h11v10h-11zM2.500 6.500h11M6.500 6.500V13',
  key: 'M5 10.500a2.500 2.500 0 1 1 2.400-3.200H14v2h-1.500M7.400 8.700A2.500 2.500 0 0 1 5 10.500M11 7.300v2',
  drag: 'M6 4v.01M10 4v.01M6 8v.01M10 8v.01M6 12v.01M10 12v.01',
  up: 'M3.500 10 8 5.500 12.500 10',
  filter: 'M2.500 3.500h11l-4.200 5v4l-2.600 1v-5z',
  external: 'M9.500 2.500h4v4M13.500 2.500 8 8M11.500 9.500v4h-9v-9h4',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.4}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden
      style={{ flexShrink: 0 }}
    >
      <path d={PATHS[name]} />
    </svg>
  )
}

/** Strata bent downwards: a syncline. */
export function Mark({ size = 22 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" fill="none" strokeLinecap="round" strokeWidth={3.2} aria-hidden>
      <path d="M4 8c4 0 6 5 12 5s8-5 12-5" stroke="var(--mantine-color-petrol-3)" />
      <path d="M4 15c4 0 6 5 12 5s8-5 12-5" stroke="var(--mantine-color-petrol-5)" />
      <path d="M4 22c4 0 6 5 12 5s8-5 12-5" stroke="var(--mantine-color-petrol-7)" />
    </svg>
  )
}
