// What every end-to-end test needs: a real server with a state of its own, real databases, a real
// browser. `cargo xtask servers up` prints the databases' variables; `SYNCLINE` names the program.

import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const PROGRAM = process.env.SYNCLINE ?? join(root, 'target/debug/syncline')
const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell'
const SHOTS = join(root, 'target/screenshots')
const ADMIN = { name: 'admin', password: 'a long pass phrase for tests' }
const PATIENCE_MS = 60_000

/** Addresses of the databases, and a reason to leave a test out where one is missing. */
export const MARIADB = process.env.SYNCLINE_TEST_MARIADB
export const POSTGRES = process.env.SYNCLINE_TEST_POSTGRES
export const withoutDatabases = MARIADB && POSTGRES ? false : 'SYNCLINE_TEST_MARIADB and SYNCLINE_TEST_POSTGRES are not set'

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** `syncline server` as a process, on a free port, with its state in a temporary folder. */
export class Node {
  #child = null
  #output = ''

  /** With further arguments of `syncline server`, if any. */
  static async start(more = []) {
    const node = new Node()
    node.more = more
    node.folder = await mkdtemp(join(tmpdir(), 'syncline-e2e-'))
    node.port = await freePort()
    node.url = `http://127.0.0.1:${node.port}`
    await node.begin()
    return node
  }

  /** Starts the process: for the first time, or again after it was stopped or killed. */
  async begin() {
    this.#output = ''
    const args = ['server', '--state', this.folder, '--listen', `127.0.0.1:${this.port}`, ...this.more]
    const child = spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (this.#output += data))
    this.ended = new Promise((resolve) => child.once('exit', resolve))
    for (const until = Date.now() + PATIENCE_MS; ; ) {
      if (child.exitCode !== null) throw new Error(`the server ended:\n${this.#output}`)
      const listens = this.#output.includes('listening on')
      if (listens && (await fetch(`${this.url}/readyz`).then((r) => r.ok, () => false))) return
      if (Date.now() > until) throw new Error(`the server is not ready:\n${this.#output}`)
      await wait(50)
    }
  }

  /** What it has printed. */
  get output() {
    return this.#output
  }

  /** The link that makes the first admin. */
  get setupLink() {
    return /\bhttps?:\S+\/setup#\S+/.exec(this.#output)?.[0]
  }

  async end(signal) {
    this.#child?.kill(signal)
    await this.ended
    this.#child = null
  }
  stop = () => this.end('SIGTERM')
  kill = () => this.end('SIGKILL')

  async remove() {
    if (this.#child) await this.kill()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** Makes the first admin by the API; the answer is a client that speaks as that. */
  async setUp() {
    const token = this.setupLink.split('#')[1]
    const answer = await fetch(`${this.url}/api/v1/setup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token, ...ADMIN }),
    })
    if (!answer.ok) throw new Error(`setup: ${answer.status} ${await answer.text()}`)
    return this.clientOf(answer)
  }

  async clientOf(answer) {
    const cookie = answer.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ')
    return new Client(this.url, cookie, (await answer.json()).csrf)
  }
}

/** The API, for what a test needs around what it drives in the browser. */
export class Client {
  constructor(url, cookie, csrf) {
    Object.assign(this, { url, cookie, csrf })
  }

  async send(method, path, body, headers = {}) {
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        cookie: this.cookie,
        ...(method === 'GET' ? {} : { 'x-csrf-token': this.csrf }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text === '' ? null : JSON.parse(text)
  }
  get = (path) => this.send('GET', path)
  post = (path, body = {}) => this.send('POST', path, body)
  put = (path, body = {}) => this.send('PUT', path, body)

  /** Asks until the answer is as wanted. */
  async until(path, wanted, patience = PATIENCE_MS) {
    for (const end = Date.now() + patience; ; ) {
      const answer = await this.get(path)
      if (wanted(answer)) return answer
      if (Date.now() > end) throw new Error(`${path} is still ${JSON.stringify(answer).slice(0, 2_000)}`)
      await wait(100)
    }
  }
}

/** The browser of a test file, with what a page must never do written down. */
export class Browser {
  static async start() {
    const browser = new Browser()
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run']
    const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync']
    browser.chromium = await chromium.launch({ executablePath: BROWSER, headless: true, args: [...flags, ...quiet] })
    browser.faults = []
    return browser
  }

  /** A window of its own: cookies, theme, language and size are nobody else's. */
  async window({ url, width = 1280, theme = 'light', language = 'en' }) {
    const context = await this.chromium.newContext({
      baseURL: url,
      viewport: { width, height: width < 600 ? 844 : 800 },
      colorScheme: theme,
      locale: language === 'zh' ? 'zh-CN' : 'en-GB',
      timezoneId: 'UTC',
    })
    context.setDefaultTimeout(20_000)
    const page = await context.newPage()
    page.on('pageerror', (error) => this.faults.push(`${page.url()}: ${error.message}`))
    page.on('console', (message) => {
      // What the server refuses is said by the browser, too; that is no fault of a page.
      if (message.type() === 'error' && !/Failed to load resource|WebSocket/.test(message.text())) {
        this.faults.push(`${page.url()}: ${message.text()}`)
      }
    })
    return page
  }

  async close() {
    await this.chromium.close()
  }
}

export async function signIn(page, { name, password } = ADMIN) {
  await page.goto('/sign-in')
  await page.getByRole('textbox', { name: /^(Name|用户名)$/ }).fill(name)
  await page.locator('input[type=password]').fill(password)
  await page.locator('button[type=submit]').click()
  await page.getByRole('navigation', { name: /^(Main|主导航)$/ }).waitFor({ state: 'attached' })
}

const axe = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** What is wrong with a page for those who do not see it, or see it otherwise. */
export async function violations(page) {
  await page.evaluate(axe)
  const found = await page.evaluate((rules) => globalThis.axe.run(document, { runOnly: rules }), RULES)
  return found.violations.map(
    (v) => `${v.id} (${v.impact}) ${v.nodes.length}×: ${v.nodes[0].html.slice(0, 160)} ${v.nodes[0].failureSummary}`,
  )
}

/** Pixels by which a page is wider than its window. */
export function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
}

/** A picture shows so much of a page at most. */
const TALLEST = 2_600

/** Writes a picture of the page for a person to look at: of all of it, in a window that is high enough. */
export async function shoot(page, name) {
  await mkdir(SHOTS, { recursive: true })
  const { width, height } = page.viewportSize()
  const whole = await page.evaluate(() => document.documentElement.scrollHeight)
  await page.setViewportSize({ width, height: Math.max(height, Math.min(whole, TALLEST)) })
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
  await page.screenshot({ path: join(SHOTS, `${name}.png`), animations: 'disabled' })
  await page.setViewportSize({ width, height })
}

let made = 0

/** A database of its own on each server, with a way to speak to it. */
export class Databases {
  static async make() {
    const all = new Databases()
    all.name = `e2e_${process.pid}_${(made += 1)}`
    await all.mariadb(`CREATE DATABASE ${all.name}`, '')
    await all.postgres(`CREATE DATABASE ${all.name}`, 'postgres')
    return all
  }

  url(base, database) {
    const url = new URL(base)
    if (database !== undefined) url.pathname = `/${database}`
    return url
  }
  /** Its database there, as a connection has it. */
  address(base, port) {
    const url = this.url(base, this.name)
    url.search = ''
    if (port) url.port = port
    return url.href
  }
  get mariadbUrl() {
    return this.url(MARIADB, this.name).href
  }
  get postgresUrl() {
    return this.url(POSTGRES, this.name).href
  }

  /** Runs statements; the answer is what the client prints, a row a line. */
  async mariadb(sql, database = this.name) {
    const url = this.url(MARIADB, database)
    const args = ['--batch', '--skip-column-names', `--host=${url.hostname}`, `--port=${url.port}`, `--user=${decodeURIComponent(url.username)}`]
    const env = { ...process.env, MYSQL_PWD: decodeURIComponent(url.password) }
    const { stdout } = await run('mariadb', [...args, ...(database ? [database] : []), '--execute', sql], { env })
    return stdout.trim()
  }

  async postgres(sql, database = this.name) {
    const url = this.url(POSTGRES, database)
    url.search = ''
    const { stdout } = await run('psql', ['--no-psqlrc', '--tuples-only', '--no-align', '--set=ON_ERROR_STOP=1', '--command', sql, url.href])
    return stdout.trim()
  }

  async drop() {
    await this.mariadb(`DROP DATABASE IF EXISTS ${this.name}`, '')
    await this.postgres(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`, 'postgres')
  }
}

/** The connections that most tests copy between: `shop` is the MariaDB, `warehouse` the PostgreSQL. */
export async function connect(client, databases) {
  for (const [name, base] of [['shop', MARIADB], ['warehouse', POSTGRES]]) {
    await client.post('/connections', { name, url: databases.address(base), description: `The ${name}` })
  }
}

/** What ends that which was begun, the last of it first. */
const ends = []

/** What most tests begin with: databases with what these statements make there, a server with a client that is its admin, and a browser. */
export async function begin({ mariadb = '', postgres = '', server = () => [] }) {
  const databases = await Databases.make()
  ends.unshift(() => databases.drop())
  if (mariadb !== '') await databases.mariadb(mariadb)
  if (postgres !== '') await databases.postgres(postgres)
  const node = await Node.start(server(databases))
  ends.unshift(() => node.remove())
  const client = await node.setUp()
  const browser = await Browser.start()
  ends.unshift(() => browser.close())
  return { databases, node, client, browser }
}

/** Ends all that `begin` has begun, however far it came. */
export async function end() {
  for (const one of ends.splice(0)) await one()
}

/** A window of this look in which the admin is signed in. */
export async function enter(browser, node, look = {}) {
  const page = await browser.window({ url: node.url, ...look })
  await signIn(page)
  return page
}

/** A job that copies this table of the shop to the warehouse; `more` are further keys of its file, and `input` of the job. */
export function addJob(client, name, table = name, more = {}, input = {}) {
  const spec = { version: 1, source: { connection: 'shop', tables: [table] }, sink: { connection: 'warehouse', table }, ...more }
  return client.post('/jobs', { name, spec, ...input })
}

export { ADMIN, wait }
