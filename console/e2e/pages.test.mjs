// Every page in both themes, both languages, at 1280 and at 390 pixels: nothing thrown, nothing wider
// than the window, nothing that axe objects to. The pictures are in target/screenshots/, to be looked at.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Browser, Databases, MARIADB, Node, overflow, POSTGRES, shoot, signIn, violations, withoutDatabases } from './harness.mjs'

const skip = withoutDatabases
let node, client, browser, databases
const pages = {}

before(async () => {
  if (skip) return
  databases = await Databases.make()
  await databases.mariadb(`
    CREATE TABLE orders (id int PRIMARY KEY, customer int, amount decimal(10,2), note varchar(40));
    INSERT INTO orders SELECT seq, seq % 100, seq / 7, CONCAT('order ', seq) FROM seq_1_to_200000;
    CREATE TABLE customers (id int PRIMARY KEY, name varchar(40), born date);
    SET sql_mode = '';
    INSERT INTO customers SELECT seq, CONCAT('Customer ', seq), IF(seq % 9 = 0, '0000-00-00', '1990-05-17') FROM seq_1_to_100`)
  node = await Node.start()
  client = await node.setUp()
  const store = (name, base) => {
    const url = databases.url(base, databases.name)
    url.search = ''
    return client.post('/connections', { name, url: url.href, description: `The ${name}` })
  }
  await store('shop', MARIADB)
  await store('warehouse', POSTGRES)
  const job = (name, table, more = {}) =>
    client.post('/jobs', {
      name,
      spec: { version: 1, source: { connection: 'shop', tables: [table] }, sink: { connection: 'warehouse', table }, mode: 'full', ...more },
    })
  await job('orders-to-warehouse', 'orders', { speed: { rows_per_second: 500, split_rows: 20_000 }, schedule: '0 3 * * *' })
  await job('customers', 'customers', { errors: { rows: 50, values: { zero_date: 'dead-letter' } } })
  await job('strict-customers', 'customers', { sink: { connection: 'warehouse', table: 'strict' } })
  const begun = {}
  for (const name of ['customers', 'strict-customers', 'orders-to-warehouse']) begun[name] = (await client.post(`/jobs/${name}/runs`)).id
  await client.until(`/runs/${begun.customers}`, (run) => run.state === 'finished')
  await client.until(`/runs/${begun['strict-customers']}`, (run) => run.state === 'failed')
  await client.until(`/runs/${begun['orders-to-warehouse']}`, (run) => run.rows_written > 0)
  await client.post('/users', { name: 'night-shift', role: 'operator', password: 'a long pass phrase too' })
  await client.post('/tokens', { name: 'monitoring', role: 'viewer' })
  Object.assign(pages, {
    overview: '/',
    runs: '/runs',
    'run-running': `/runs/${begun['orders-to-warehouse']}`,
    'run-splits': `/runs/${begun['orders-to-warehouse']}?tab=splits`,
    'run-events': `/runs/${begun['orders-to-warehouse']}?tab=events`,
    'run-log': `/runs/${begun['orders-to-warehouse']}?tab=log`,
    'run-failed': `/runs/${begun['strict-customers']}`,
    'run-dead-letters': `/runs/${begun.customers}?tab=dead-letters`,
    jobs: '/jobs',
    job: '/jobs/orders-to-warehouse',
    'job-edit': '/jobs/orders-to-warehouse/edit',
    'job-new': '/jobs/new',
    'job-import': '/jobs/import',
    connections: '/connections',
    'connection-new': '/connections/new',
    connection: '/connections/shop?table=customers',
    'connection-settings': '/connections/shop?tab=settings',
    verifications: '/verifications',
    nodes: '/nodes',
    users: '/users',
    tokens: '/tokens',
    audit: '/audit',
    settings: '/settings',
    nowhere: '/no/such/page',
  })
  browser = await Browser.start()
})
after(async () => {
  await browser?.close()
  await node?.remove()
  await databases?.drop()
})

const LOOKS = [
  { width: 1280, theme: 'light', language: 'en' },
  { width: 1280, theme: 'dark', language: 'zh' },
  { width: 390, theme: 'dark', language: 'en' },
  { width: 390, theme: 'light', language: 'zh' },
]

for (const look of LOOKS) {
  test(`every page at ${look.width} px, ${look.theme}, in ${look.language}`, { skip }, async () => {
    const page = await browser.window({ url: node.url, ...look })
    const wrong = []
    const judge = async (name) => {
      await shoot(page, `${name}-${look.width}-${look.theme}`)
      const wider = await overflow(page)
      if (wider > 0) wrong.push(`${name}: ${wider} px wider than the window`)
      for (const violation of await violations(page)) wrong.push(`${name}: ${violation}`)
    }
    await page.goto('/sign-in')
    await page.getByRole('heading', { level: 1 }).waitFor()
    await judge('sign-in')
    await page.goto('/setup#one-time-token')
    await page.getByRole('heading', { level: 1 }).waitFor()
    await judge('setup')
    await signIn(page)
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(path)
      await page.locator('#content').waitFor()
      // Everything that loads has loaded; what goes on for ever (the live connection) is not waited for.
      await page.waitForFunction(() => !document.querySelector('.mantine-Skeleton-root'))
      await page.evaluate(() => document.fonts.ready)
      if (name === 'run-running') await page.locator('.uplot canvas').waitFor()
      await judge(name)
    }
    await page.context().close()
    assert.deepEqual(wrong, [])
  })
}

test('the console is used with keys alone', { skip }, async () => {
  const page = await browser.window({ url: node.url })
  await signIn(page)
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content')
  await page.keyboard.press('Enter')
  assert.equal(await page.evaluate(() => document.activeElement.id), 'content')
  await page.keyboard.press('g')
  await page.keyboard.press('r')
  await page.getByRole('heading', { name: 'Runs' }).waitFor()
  await page.getByRole('link', { name: 'customers', exact: true }).waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type('strict')
  await page.getByRole('link', { name: 'customers', exact: true }).waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'strict-customers' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'strict-customers' }).waitFor()
  await page.getByRole('tab', { name: 'Tables' }).focus()
  await page.keyboard.press('ArrowRight')
  await page.getByRole('tab', { name: 'Splits', selected: true }).waitFor()
  await page.context().close()
})

test('no page has thrown', { skip }, () => {
  assert.deepEqual(browser.faults, [])
})
