// How much JavaScript the first page loads, gzipped: the entry and everything it imports at once.
// Fails above the limit, so that nobody adds an editor to the first load without noticing.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const LIMIT_KB = 300
const dist = new URL('../dist/', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'))

function reach(key, seen = new Set()) {
  if (seen.has(key)) return seen
  seen.add(key)
  for (const next of manifest[key].imports ?? []) reach(next, seen)
  return seen
}

const kb = (file) => gzipSync(readFileSync(new URL(file, dist))).length / 1024
const entry = Object.keys(manifest).find((key) => manifest[key].isEntry)
const first = reach(entry)
// The page that is shown first: the overview.
const overview = Object.keys(manifest).find((key) => key.includes('pages/overview/'))
if (overview) reach(overview, first)

let sum = 0
for (const key of first) {
  const size = kb(manifest[key].file)
  sum += size
  console.log(`${size.toFixed(1).padStart(7)} KB  ${manifest[key].file}`)
}
console.log(`${sum.toFixed(1).padStart(7)} KB  of JavaScript, gzipped, for the first page (limit ${LIMIT_KB})`)
if (sum > LIMIT_KB) process.exit(1)
