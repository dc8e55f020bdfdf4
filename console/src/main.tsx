import '@mantine/core/styles.css'
import './app/base.css'
import { MantineProvider } from '@mantine/core'
import { StrictMode, useEffect } from 'react'
import { createRoot } from 'react-dom/client'
import { Provider } from 'react-redux'
import { RouterProvider } from 'react-router/dom'
import { loadConfig } from './app/config'
import { makeRouter } from './app/routes'
import { makeStore, useAppSelector } from './app/store'
import { theme, themeKept, variables } from './app/theme'

function Language() {
  const language = useAppSelector((state) => state.preferences.language)
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  }, [language])
  return null
}

const store = makeStore()
const root = document.getElementById('root')

await loadConfig()
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Provider store={store}>
        <MantineProvider theme={theme} cssVariablesResolver={variables} colorSchemeManager={themeKept} defaultColorScheme="auto">
          <Language />
          <RouterProvider router={makeRouter()} />
        </MantineProvider>
      </Provider>
    </StrictMode>,
  )
}
