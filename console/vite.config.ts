import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// What every page needs stands in two chunks that rarely change (react, components); the editor and
// the charts have their own, and are loaded by the pages that show them.
const groups = [
  { name: 'editor', test: /node_modules[\\/](@codemirror|@lezer|codemirror|style-mod|w3c-keyname|crelt)[\\/]/ },
  { name: 'yaml', test: /node_modules[\\/]yaml[\\/]/ },
  { name: 'chart', test: /node_modules[\\/]uplot[\\/]/ },
  { name: 'react', test: /node_modules[\\/](react|react-dom|scheduler|react-router|react-redux|@reduxjs|redux|immer|reselect|use-sync-external-store)[\\/]/ },
]

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: {
    // The server to work against while developing.
    proxy: { '/api': { target: process.env.SYNCLINE_SERVER ?? 'http://127.0.0.1:7070', ws: true } },
  },
  build: {
    target: 'es2022',
    // These know light-dark(); for older ones it would be said by variables that nobody sets.
    cssTarget: ['chrome123', 'edge123', 'firefox120', 'safari17.5'],
    manifest: true,
    modulePreload: { polyfill: false },
    rolldownOptions: { output: { codeSplitting: { groups } } },
  },
  test: { environment: 'node', include: ['src/**/*.test.ts'], restoreMocks: true },
})
