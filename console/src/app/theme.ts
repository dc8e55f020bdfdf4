// How the console looks: dense, calm, one accent; colours that hold 4.5:1 in both themes.

import { createTheme, type CSSVariablesResolver, type MantineColorsTuple, type MantineColorSchemeManager } from '@mantine/core'

const petrol: MantineColorsTuple = [
  '#e9f7f6', '#d3ece9', '#a5d9d4', '#73c5be', '#4bb4ab', '#2f9f96', '#1a8a81', '#0f766e', '#0b615a', '#064a45',
]
const dark: MantineColorsTuple = [
  '#dbe1e8', '#b5bfca', '#98a4b1', '#6b7885', '#3d4854', '#2c353f', '#222a33', '#181f27', '#11171d', '#0b1015',
]
const gray: MantineColorsTuple = [
  '#f7f9fa', '#eff2f4', '#e3e8ec', '#d3dae0', '#bcc6ce', '#94a1ac', '#687783', '#4b5863', '#333e48', '#1c252d',
]

const sans = "system-ui, -apple-system, 'Segoe UI', Roboto, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'WenQuanYi Micro Hei', 'DejaVu Sans', sans-serif"
const mono = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'PingFang SC', 'Microsoft YaHei', monospace"

export const theme = createTheme({
  colors: { petrol, dark, gray },
  primaryColor: 'petrol',
  primaryShade: 7,
  autoContrast: true,
  luminanceThreshold: 0.35,
  fontFamily: sans,
  fontFamilyMonospace: mono,
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  headings: { fontWeight: '600', sizes: { h1: { fontSize: '1.25rem', lineHeight: '1.4' }, h2: { fontSize: '1rem', lineHeight: '1.4' }, h3: { fontSize: '0.875rem', lineHeight: '1.4' } } },
  defaultRadius: 'sm',
  radius: { xs: '3px', sm: '5px', md: '8px', lg: '12px', xl: '16px' },
  spacing: { xs: '0.5rem', sm: '0.75rem', md: '1rem', lg: '1.25rem', xl: '2rem' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: 'xs' } },
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray' } },
    TextInput: { defaultProps: { size: 'sm' } },
    PasswordInput: { defaultProps: { size: 'sm' } },
    NumberInput: { defaultProps: { size: 'sm' } },
    Select: { defaultProps: { size: 'sm', checkIconPosition: 'right' } },
    Textarea: { defaultProps: { size: 'sm' } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 250, events: { hover: true, focus: true, touch: true } } },
    // The head of a dialog is not that of the page.
    Modal: { defaultProps: { centered: true, attributes: { header: { role: 'presentation' } } }, styles: { title: { fontWeight: 600 } } },
    Drawer: { defaultProps: { position: 'right', size: 'lg', attributes: { header: { role: 'presentation' } } }, styles: { title: { fontWeight: 600 } } },
  },
})

export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#f4f6f8',
    '--mantine-color-text': '#1c252d',
    '--mantine-color-dimmed': '#566470',
    '--mantine-color-anchor': '#0b615a',
    '--mantine-color-error': '#b42318',
    '--mantine-color-placeholder': '#687783',
    '--sl-surface': '#ffffff',
    '--sl-sunken': '#eff2f4',
    '--sl-line': '#dde3e8',
    '--sl-hover': '#f1f5f6',
    '--sl-running': '#0b5cad',
    '--sl-waiting': '#8f5300',
    '--sl-finished': '#17703a',
    '--sl-failed': '#b42318',
    '--sl-paused': '#5b4a9e',
    '--sl-rest': '#566470',
    '--sl-bar': '#0f766e',
    '--sl-chosen': '#e0f2f0',
    '--sl-chosen-text': '#0b5750',
  },
  dark: {
    '--mantine-color-body': '#0f151b',
    '--mantine-color-text': '#dbe1e8',
    '--mantine-color-dimmed': '#98a4b1',
    '--mantine-color-anchor': '#6fcfc6',
    '--mantine-color-error': '#ff9a8f',
    '--mantine-color-placeholder': '#8793a0',
    '--sl-surface': '#161d25',
    '--sl-sunken': '#10161c',
    '--sl-line': '#2a343e',
    '--sl-hover': '#1c252e',
    '--sl-running': '#79b8ff',
    '--sl-waiting': '#f0b95b',
    '--sl-finished': '#6fcf8e',
    '--sl-failed': '#ff9a8f',
    '--sl-paused': '#b9a9f5',
    '--sl-rest': '#98a4b1',
    '--sl-bar': '#2f9f96',
    '--sl-chosen': '#14302f',
    '--sl-chosen-text': '#8fdcd3',
  },
})

const KEY = 'syncline.theme'

/** Keeps the choice where `theme.js` finds it before the first paint. */
export const themeKept: MantineColorSchemeManager = {
  get: (fallback) => {
    try {
      const kept = localStorage.getItem(KEY)
      return kept === 'light' || kept === 'dark' || kept === 'auto' ? kept : fallback
    } catch {
      return fallback
    }
  },
  set: (value) => {
    try {
      localStorage.setItem(KEY, value)
    } catch {
      // For this window only, then.
    }
  },
  subscribe: () => undefined,
  unsubscribe: () => undefined,
  clear: () => localStorage.removeItem(KEY),
}
