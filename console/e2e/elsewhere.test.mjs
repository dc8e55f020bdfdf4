// The console served by some other web server: another origin of the same site, and another site.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { addJob, Browser, connect, Databases, Node, signIn, withoutDatabases } from './harness.mjs'

const DIST = fileURLToPath(new URL('../dist/', import.meta.url))
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html', '.json': 'application/json', '.svg': 'image/svg+xml' }
const skip = withoutDatabases
let web, port, node, client, browser, databases

/** Files as they are, `index.html` for every other path, and a `config.json` that names the API. */
async function serve(request, response) {
  const { pathname } = new URL(request.url, 'http://x')
  if (pathname === '/config.json') {
    response.writeHead(200, { 'content-type': TYPES['.json'] }).end(JSON.stringify({ api: `${node.url}/api/v1` }))
    return
  }
  const file = extname(pathname) === '' ? 'index.html' : normalize(pathname)
  const body = await readFile(join(DIST, file)).catch(() => null)
  if (body === null) response.writeHead(404).end()
  else response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(body)
}

before(async () => {
  if (skip) return
  web = createServer((request, response) => void serve(request, response)).listen(0, '127.0.0.1')
  await new Promise((resolve) => web.once('listening', resolve))
  port = web.address().port
  node = await Node.start(['--console-origin', `http://127.0.0.1:${port}`, '--console-origin', `http://localhost:${port}`])
  client = await node.setUp()
  databases = await Databases.make()
  await databases.mariadb('CREATE TABLE visits (id int PRIMARY KEY); INSERT INTO visits SELECT seq FROM seq_1_to_10')
  await connect(client, databases)
  await addJob(client, 'visits', 'visits', { sink: { connection: 'warehouse', table: 'visits', write: 'upsert' } })
  browser = await Browser.start()
})
after(async () => {
  await browser?.close()
  web?.close()
  await node?.remove()
  await databases?.drop()
})

/** A run that somebody else starts comes into the open list by itself. */
async function hearsOf(page) {
  await page.goto('/runs')
  await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor()
  await page.getByText('Live', { exact: true }).waitFor()
  const { id } = await client.post('/jobs/visits/runs')
  await page.locator('[role=row]', { has: page.locator(`a[href="/runs/${id}"]`) }).getByText('Finished').waitFor()
}

test('from another origin of the same site people sign in as ever, and events come live', { skip }, async () => {
  const page = await browser.window({ url: `http://127.0.0.1:${port}` })
  await signIn(page)
  await hearsOf(page)
  // Signed out elsewhere, the open page is told, and does not knock for ever.
  await page.getByRole('button', { name: 'Account and appearance' }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.context().close()
})

test('from another site an API token takes the place of the session, over a reload too', { skip }, async () => {
  const { token, id } = await client.post('/tokens', { name: 'console', role: 'operator' })
  const page = await browser.window({ url: `http://localhost:${port}` })
  await page.goto('/')
  await page.getByRole('button', { name: 'Sign in with an API token instead' }).click()
  await page.getByLabel('API token').fill('slt_nonsense')
  await page.getByRole('button', { name: 'Sign in with the token' }).click()
  await page.getByRole('alert').getByText('E0501').waitFor()
  await page.getByLabel('API token').fill(token)
  await page.getByRole('button', { name: 'Sign in with the token' }).click()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  await hearsOf(page)
  await page.reload()
  await page.getByText('Live', { exact: true }).waitFor()
  // What the token may, the window may.
  await page.goto('/jobs/visits')
  await page.getByRole('button', { name: 'Start', exact: true }).click()
  await page.locator('h1 [data-state=finished]').waitFor()
  // Revoked, the open window ends.
  await client.send('DELETE', `/tokens/${id}`)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.context().close()
})

test('no page has thrown', { skip }, () => {
  assert.deepEqual(browser.faults, [])
})
