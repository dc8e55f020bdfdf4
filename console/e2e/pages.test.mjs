// Every page in both themes, both languages, at 1280 and at 390 pixels: nothing thrown, nothing wider
// than the window, nothing that axe objects to. The pictures are in target/screenshots/, to be looked at.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { addJob, Browser, connect, Databases, Node, overflow, POSTGRES, shoot, signIn, violations, withoutDatabases } from './harness.mjs'

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
  await client.post('/users', { name: 'night-shift', role: 'member', password: 'a long pass phrase too' })
  await connect(client, databases)
  // Nobody listens there.
  await client.post('/connections', { name: 'archive', url: databases.address(POSTGRES, '1') })
  await client.post('/projects', { name: 'sales', description: 'Orders and customers', max_running: 8 })
  await client.put('/projects/sales/members/night-shift', { role: 'editor' })
  const job = (name, table, more, input) => addJob(client, name, table, more, input)
  await job('orders-to-warehouse', 'orders', { speed: { rows_per_second: 500, split_rows: 20_000 }, schedule: '0 3 * * *' })
  await job('customers', 'customers', { errors: { rows: 50, values: { zero_date: 'dead-letter' } } }, { project: 'sales' })
  await job('strict-customers', 'customers', { sink: { connection: 'warehouse', table: 'strict' } })
  await job('customers-followed', 'customers', { mode: 'full+changes', sink: { connection: 'warehouse', table: 'followed' }, errors: { values: { zero_date: 'null' } } })
  await job('customers-to-archive', 'customers', { sink: { connection: 'archive', table: 'customers' } })
  const begun = {}
  for (const name of ['customers', 'strict-customers', 'orders-to-warehouse', 'customers-followed', 'customers-to-archive']) begun[name] = (await client.post(`/jobs/${name}/runs`)).id
  await client.until(`/runs/${begun.customers}`, (run) => run.state === 'finished')
  await client.until(`/runs/${begun['strict-customers']}`, (run) => run.state === 'failed')
  await client.until(`/runs/${begun['orders-to-warehouse']}`, (run) => run.rows_written > 0)
  await client.until(`/runs/${begun['customers-followed']}`, (run) => run.following)
  await client.until(`/runs/${begun['customers-to-archive']}`, (run) => run.state === 'waiting' && run.reason)
  await databases.postgres("DELETE FROM customers WHERE id = 7; UPDATE customers SET name = 'Nobody' WHERE id = 8")
  const compared = await client.post('/jobs/customers/verify')
  await client.until(`/verifications/${compared.id}`, (one) => one.state === 'different')
  await client.post('/tokens', { name: 'monitoring', role: 'viewer' })
  Object.assign(pages, {
    overview: '/',
    runs: '/runs',
    'runs-project': '/runs?project=sales',
    'run-running': `/runs/${begun['orders-to-warehouse']}`,
    'run-splits': `/runs/${begun['orders-to-warehouse']}?tab=splits`,
    'run-events': `/runs/${begun['orders-to-warehouse']}?tab=events`,
    'run-log': `/runs/${begun['orders-to-warehouse']}?tab=log`,
    'run-failed': `/runs/${begun['strict-customers']}`,
    'run-dead-letters': `/runs/${begun.customers}?tab=dead-letters`,
    'run-following': `/runs/${begun['customers-followed']}`,
    'run-waiting': `/runs/${begun['customers-to-archive']}`,
    'run-missing': '/runs/01a20032-0000-7000-8000-000000000000',
    jobs: '/jobs',
    'jobs-project': '/jobs?project=sales',
    'jobs-none': '/jobs?q=nothing-is-called-so',
    job: '/jobs/orders-to-warehouse',
    'job-plan': '/jobs/orders-to-warehouse?tab=plan',
    'job-yaml': '/jobs/orders-to-warehouse?tab=yaml',
    'job-verifications': '/jobs/customers?tab=verifications',
    'job-missing': '/jobs/nothing-is-called-so',
    'job-edit': '/jobs/orders-to-warehouse/edit',
    'job-edit-tables': '/jobs/orders-to-warehouse/edit?step=tables',
    'job-edit-target': '/jobs/orders-to-warehouse/edit?step=target',
    'job-edit-columns': '/jobs/orders-to-warehouse/edit?step=columns',
    'job-edit-processors': '/jobs/orders-to-warehouse/edit?step=processors',
    'job-edit-rules': '/jobs/customers-followed/edit?step=rules',
    'job-edit-finish': '/jobs/orders-to-warehouse/edit?step=finish',
    'job-edit-yaml': '/jobs/orders-to-warehouse/edit?as=yaml',
    'job-new': '/jobs/new',
    'job-import': '/jobs/import',
    connections: '/connections',
    'connection-new': '/connections/new',
    connection: '/connections/shop?table=customers',
    'connection-settings': '/connections/shop?tab=settings',
    verifications: '/verifications',
    verification: `/verifications/${compared.id}`,
    projects: '/projects',
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
      // The wizard asks for its plan and its samples a moment after it is shown.
      if (name.startsWith('job-edit-')) {
        await page.waitForLoadState('networkidle')
        await page.waitForFunction(() => !document.querySelector('.mantine-Skeleton-root'))
      }
      if (name === 'run-running') await page.locator('.uplot canvas').waitFor()
      await judge(name)
    }
    await page.context().close()
    assert.deepEqual(wrong, [])
  })
}

test('what the server says is said in Chinese, too', { skip }, async () => {
  const page = await browser.window({ url: node.url, language: 'zh' })
  await signIn(page)
  // A code by its number, with the server's own words below it.
  await page.goto(pages['run-failed'])
  await page.getByRole('alert').getByText('值没有对应形式').waitFor()
  await page.getByRole('alert').getByText(/列 "born"：0000-00-00/).waitFor()
  // Why it waits, what happened, and what a plan promises.
  await page.goto(pages['run-waiting'])
  await page.getByRole('status').getByText(/^无法连接 postgres:/).waitFor()
  await page.goto(pages['run-events'])
  const events = page.getByRole('table', { name: '事件' })
  await events.getByText(/^已规划：/).first().waitFor()
  await events.getByText('由 admin 启动').waitFor()
  await page.goto(pages['job-plan'])
  await page.getByText('所有表处于同一时刻').waitFor()
  await page.context().close()
})

test('the console is used with keys alone', { skip }, async () => {
  const page = await browser.window({ url: node.url })
  await signIn(page)
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content')
  await page.keyboard.press('Enter')
  assert.equal(await page.evaluate(() => document.activeElement.id), 'content')
  await page.keyboard.press('g')
  await page.keyboard.press('r')
  // The overview has a heading "Latest runs", and a link to the same run.
  await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor()
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
