// A job as somebody makes it: by the wizard, step by step; it runs, rests, outlives its server, and is
// changed by two people at once.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Browser, connect, Databases, Node, overflow, shoot, signIn, violations, withoutDatabases } from './harness.mjs'

const ROWS = 30_000
const skip = withoutDatabases

let node, client, browser, page, databases

before(async () => {
  if (skip) return
  databases = await Databases.make()
  await databases.mariadb(`
    CREATE TABLE orders (id int PRIMARY KEY, customerName varchar(60) NOT NULL, placedAt datetime(3), total decimal(12,2), secret varchar(40));
    INSERT INTO orders SELECT seq, CONCAT('Customer ', seq), '2026-11-21 10:00:00.123', seq * 1.37, 'x' FROM seq_1_to_${ROWS};
    CREATE TABLE customers (id int PRIMARY KEY, name varchar(60));
    INSERT INTO customers VALUES (1, 'Ann');
    CREATE TABLE tmp_load (a int)`)
  node = await Node.start()
  client = await node.setUp()
  browser = await Browser.start()
  page = await browser.window({ url: node.url })
  await signIn(page)
})
after(async () => {
  await browser?.close()
  await node?.remove()
  await databases?.drop()
})

const next = () => page.getByRole('button', { name: 'Next', exact: true }).click()
const step = (name) => page.getByRole('navigation', { name: 'Steps' }).getByRole('button', { name }).click()
const row = (name) => page.getByRole('row', { name: new RegExp(`\\b${name}\\b`) })
const state = (window, name) => window.locator(`h1 [data-state=${name}]`).waitFor()
const pick = async (label, option) => {
  await page.getByRole('combobox', { name: label }).click()
  await page.getByRole('option', { name: option }).click()
}

/** As somebody sees it who is between two fields, and as a screen reader does. */
async function look(name) {
  await page.evaluate(() => document.activeElement?.blur())
  await page.locator('[role=listbox], .cm-tooltip').first().waitFor({ state: 'hidden' })
  await page.waitForLoadState('networkidle')
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
  await shoot(page, `wizard-${name}-1280-light`)
  assert.deepEqual(await violations(page), [], name)
  assert.equal(await overflow(page), 0, name)
}

test('without connections it says where to begin', { skip }, async () => {
  await page.goto('/jobs/new')
  await page.getByText('No connections yet').waitFor()
  await look('empty')
  await connect(client, databases)
})

test('a job is built step by step, and a reload loses nothing', { skip }, async () => {
  await page.goto('/jobs/new')
  await pick('Connection', /^shop/)
  await page.getByRole('radio', { name: /A copy, then its changes/ }).waitFor()
  await look('source')
  await next()

  const tree = page.getByRole('tree', { name: 'Tables' })
  await page.getByRole('button', { name: 'None' }).click()
  await tree.getByRole('treeitem', { name: /^orders/ }).click()
  await page.getByText('1 of 3 chosen').waitFor()
  // The same by keys: down from the schema to the first table, and chosen by the space bar.
  await tree.getByRole('treeitem').first().focus()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Space')
  await page.getByText('2 of 3 chosen').waitFor()
  await page.keyboard.press('Space')
  await page.getByText('1 of 3 chosen').waitFor()
  await look('tables')
  await page.reload()
  await page.getByText('1 of 3 chosen').waitFor()
  await next()

  await pick('Connection', /^warehouse/)
  await page.getByRole('radio', { name: /^Upsert/ }).check()
  await page.getByRole('combobox', { name: 'Name of a target table' }).fill('shop_{table}')
  await page.keyboard.press('Tab')
  await page.getByText('shop_orders').waitFor()
  await look('target')
  await next()

  await row('total').getByText('exact').waitFor()
  await page.getByRole('combobox', { name: 'Name of customerName at the target' }).fill('customer')
  await page.getByRole('checkbox', { name: 'Take secret' }).uncheck()
  await page.getByRole('combobox', { name: 'Type of total' }).fill('text')
  await page.keyboard.press('Tab')
  await page.getByText('4 of 5 columns').waitFor()
  await row('customerName').getByText('exact').waitFor()
  await look('columns')
  await next()

  await page.getByRole('button', { name: 'Add a step' }).first().click()
  await page.getByRole('menuitem', { name: /^filter/ }).click()
  await page.getByRole('textbox', { name: 'filter' }).fill('id % 2 = 0')
  await page.getByText(/rows taken out/).waitFor()
  await look('processors')
  await page.getByRole('textbox', { name: 'filter' }).fill('nothing > 1')
  await page.getByRole('alert').filter({ hasText: 'nothing' }).waitFor()
  await page.getByRole('textbox', { name: 'filter' }).fill('id > 0')
  await next()

  await page.getByText('Again and again').click()
  await page.getByRole('combobox', { name: 'Cron expression' }).fill('30 4 * * 1-5')
  await page.getByText('at 04:30, from Monday to Friday').waitFor()
  await page.getByRole('textbox', { name: 'Rows a second' }).fill('2500')
  await page.getByRole('combobox', { name: 'Durable at least every' }).fill('500ms')
  await page.keyboard.press('Tab')
  await look('rules')
  await next()

  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('orders')
  await page.getByText('shop_orders').waitFor()
  await look('finish')
})

test('the form and the YAML are one text', { skip }, async () => {
  await page.locator('label').filter({ hasText: 'YAML' }).click()
  const editor = page.getByRole('textbox', { name: 'Job as YAML' })
  await editor.waitFor()
  assert.match(await editor.innerText(), /connection: warehouse/)
  // A remark and a wrong word, written at the end.
  await editor.click()
  await page.keyboard.press('Control+End')
  const answered = page.waitForResponse((answer) => answer.url().endsWith('/jobs/validate'))
  await page.keyboard.type('\n# kept by the form\nretyr: { for: 5m }')
  await answered
  await page.getByText(/did you mean retry/).first().waitFor()
  await look('yaml')
  await editor.click()
  await page.keyboard.press('Control+End')
  for (let n = 0; n < 'retyr: { for: 5m }'.length; n += 1) await page.keyboard.press('Backspace')
  await page.keyboard.type('retry: { for: 5m }')
  await page.locator('label').filter({ hasText: 'Form' }).click()
  await step('Limits and schedule')
  assert.equal(await page.getByRole('combobox', { name: 'Wait for what is down' }).inputValue(), '5m')
  await page.getByRole('textbox', { name: 'Rows in a piece, at least' }).fill('4000')
  await step('Plan and start')
})

test('it is created, and its bar moves, rests, and outlives the server', { skip }, async () => {
  await page.getByRole('button', { name: 'Create and start' }).click()
  await page.waitForURL(/\/runs\//)
  await state(page, 'running')
  const part = async () => Number(await page.getByRole('progressbar').first().getAttribute('aria-valuenow'))
  const beyond = (least) =>
    page.waitForFunction((than) => Number(document.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow')) > than, least)
  await beyond(2)
  await page.getByRole('button', { name: 'Pause' }).click()
  await state(page, 'paused')
  const rested = await part()
  await node.kill()
  await node.begin()
  await page.reload()
  await state(page, 'paused')
  await page.getByRole('button', { name: 'Resume' }).click()
  await beyond(rested)
  await state(page, 'finished')
  assert.equal(await databases.postgres('SELECT count(*), count(DISTINCT customer), min(total) FROM shop_orders'), `${ROWS}|${ROWS}|1.37`)
  const columns = await databases.postgres("SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = 'shop_orders'")
  assert.equal(columns, 'id,customer,placedAt,total')
  const { yaml, schedule } = await client.get('/jobs/orders')
  assert.match(yaml, /# kept by the form/)
  assert.match(JSON.stringify(schedule), /30 4/)
})

test('the job shows its history, its versions and its plan', { skip }, async () => {
  await page.goto('/jobs')
  await page.getByRole('link', { name: 'orders', exact: true }).click()
  await state(page, 'finished')
  await page.getByRole('table', { name: 'Runs' }).getByText('Finished').waitFor()
  await shoot(page, 'job-1280-light')
  await page.getByRole('tab', { name: 'Plan' }).click()
  await page.getByText('shop_orders').first().waitFor()
  await page.getByRole('tab', { name: 'YAML' }).click()
  await page.getByText('# kept by the form').waitFor()
  assert.deepEqual(await violations(page), [])
})

test('two people change it at once, and both changes are kept', { skip }, async () => {
  const other = await browser.window({ url: node.url, theme: 'dark' })
  await signIn(other)
  const edit = '/jobs/orders/edit?step=rules'
  await Promise.all([page.goto(edit), other.goto(edit)])
  await page.getByRole('textbox', { name: 'Pieces at the same time' }).fill('3')
  await other.getByRole('textbox', { name: 'Rows let go', exact: true }).fill('12')
  const save = async (window) => {
    await window.getByRole('navigation', { name: 'Steps' }).getByRole('button', { name: 'Plan and start' }).click()
    await window.getByRole('button', { name: 'Save', exact: true }).click()
  }
  await save(page)
  await page.waitForURL(/\/jobs\/orders$/)
  await save(other)
  const dialog = other.getByRole('dialog')
  await dialog.getByText('They changed').first().waitFor()
  assert.deepEqual(await violations(other), [])
  await shoot(other, 'wizard-conflict-1280-dark')
  await dialog.getByRole('button', { name: 'Take both' }).click()
  await dialog.waitFor({ state: 'detached' })
  await other.getByRole('button', { name: 'Save', exact: true }).click()
  await other.waitForURL(/\/jobs\/orders$/)
  const { spec, version } = await client.get('/jobs/orders')
  assert.equal(spec.speed.parallel, 3)
  assert.equal(spec.errors.rows, 12)
  assert.equal(version, 3)

  await other.getByRole('tab', { name: 'Versions' }).click()
  await other.getByRole('button', { name: /^Version 1/ }).click()
  await other.getByRole('button', { name: 'Roll back to this' }).click()
  await shoot(other, 'job-versions-1280-dark')
  await other.getByRole('dialog').getByRole('button', { name: 'Roll back to this' }).click()
  await other.getByText('Version 1 holds again').waitFor()
  assert.equal((await client.get('/jobs/orders')).spec.errors?.rows, undefined)
  await other.context().close()
})

test('columns are put in order by dragging, and by keys', { skip }, async () => {
  await page.goto('/jobs/orders/edit?step=columns')
  const names = () => page.locator('[role=row] b').allTextContents()
  const handle = (name) => page.getByRole('button', { name: `Move ${name}` })
  await row('placedAt').getByText('exact').waitFor()
  assert.deepEqual(await names(), ['id', 'customerName', 'placedAt', 'total', 'secret'])
  await handle('placedAt').dragTo(row('id'))
  await page.waitForFunction(() => document.querySelector('[role=row] b').textContent === 'placedAt')
  assert.deepEqual(await names(), ['placedAt', 'id', 'customerName', 'total', 'secret'])
  await handle('placedAt').focus()
  await page.keyboard.press('ArrowDown')
  await page.waitForFunction(() => document.querySelector('[role=row] b').textContent === 'id')
  assert.deepEqual(await names(), ['id', 'placedAt', 'customerName', 'total', 'secret'])
  // The names at the target are offered as one types.
  await page.getByRole('combobox', { name: 'Name of secret at the target' }).or(page.getByRole('checkbox', { name: 'Take secret' })).first().waitFor()
  await page.getByRole('combobox', { name: 'Name of customerName at the target' }).fill('cust')
  await page.getByRole('option', { name: 'customer', exact: true }).click()
  await page.getByRole('button', { name: 'Discard' }).click()
  await page.waitForURL(/\/jobs\/orders$/)
  const { spec } = await client.get('/jobs/orders')
  assert.deepEqual(spec.columns[Object.keys(spec.columns)[0]].map((one) => one.from), ['id', 'customerName', 'placedAt', 'total'])
})

test('the editor speaks the language of the console', { skip }, async () => {
  const chinese = await browser.window({ url: node.url, language: 'zh' })
  await signIn(chinese)
  await chinese.goto('/jobs/orders/edit?as=yaml')
  const editor = chinese.getByRole('textbox', { name: /YAML/ })
  await editor.click()
  await chinese.keyboard.press('Control+End')
  await chinese.keyboard.type('\nretyr: { for: 5m }')
  await chinese.getByText('此处没有 retyr 这个键；是否想写 retry？').first().waitFor()
  await chinese.keyboard.type('\nmo')
  await chinese.keyboard.press('Control+Space')
  await chinese.locator('.cm-completionInfo').getByText('移动什么').waitFor()
  await shoot(chinese, 'wizard-yaml-chinese-1280-light')
  await chinese.keyboard.press('Escape')
  await chinese.getByText('mode', { exact: true }).or(chinese.getByText('version', { exact: true })).first().hover()
  await chinese.locator('.cm-hover').getByText(/版本|移动/).waitFor()
  await chinese.context().close()
})

test('source and target are compared, and the target is mended', { skip }, async () => {
  await databases.postgres("DELETE FROM shop_orders WHERE id = 7; UPDATE shop_orders SET customer = 'Nobody' WHERE id = 9")
  await page.goto('/jobs/orders')
  await page.getByRole('button', { name: 'Verify' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Verify' }).click()
  await page.waitForURL(/\/verifications\//)
  await page.getByRole('heading', { level: 1 }).getByText('2 differ').waitFor()
  await page.getByText('Nobody').waitFor()
  await page.getByText('no such row').waitFor()
  assert.deepEqual(await violations(page), [])
  await shoot(page, 'verification-1280-light')
  await page.getByRole('button', { name: 'Repair' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Repair' }).click()
  await page.getByText('Every row is the same on both sides.').waitFor()
  assert.equal(await databases.postgres("SELECT count(*), max(customer) FILTER (WHERE id = 9) FROM shop_orders"), `${ROWS}|Customer 9`)
})

test('a job of DataX is brought in', { skip }, async () => {
  await page.goto('/jobs/import')
  const datax = {
    job: {
      content: [
        {
          reader: { name: 'mysqlreader', parameter: { username: 'sync', password: 'x', column: ['id', 'name'], connection: [{ table: ['customers'], jdbcUrl: ['jdbc:mysql://127.0.0.1:3306/shop'] }] } },
          writer: { name: 'postgresqlwriter', parameter: { username: 'sync', password: 'x', column: ['id', 'name'], connection: [{ table: ['customers'], jdbcUrl: 'jdbc:postgresql://127.0.0.1:5432/wh' }] } },
        },
      ],
    },
  }
  await page.locator('input[type=file]').setInputFiles({ name: 'customers.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(datax, null, 2)) })
  await page.getByText('This is a DataX job.').waitFor()
  await shoot(page, 'import-1280-light')
  await page.getByRole('button', { name: 'Import', exact: true }).click()
  await page.getByText('1 job imported').waitFor()
  assert.deepEqual(await violations(page), [])
})

test('a viewer sees the job and may neither start nor change it', { skip }, async () => {
  await client.post('/users', { name: 'guest', password: 'another long pass phrase', role: 'viewer' })
  const guest = await browser.window({ url: node.url, width: 390, theme: 'dark', language: 'zh' })
  await signIn(guest, { name: 'guest', password: 'another long pass phrase' })
  await guest.goto('/jobs/orders')
  const start = guest.getByRole('button', { name: '启动' })
  await start.waitFor()
  assert.equal(await start.getAttribute('aria-disabled'), 'true')
  const before = (await client.get('/runs?job=orders')).items.length
  await start.click({ force: true })
  assert.equal((await client.get('/runs?job=orders')).items.length, before)
  assert.equal(await guest.getByRole('button', { name: '编辑' }).getAttribute('aria-disabled'), 'true')
  await shoot(guest, 'job-390-dark')
  assert.equal(await overflow(guest), 0)
  await guest.context().close()
})

test('no page had a fault', { skip }, () => {
  assert.deepEqual(browser.faults, [])
})
