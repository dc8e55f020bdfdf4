// Projects: made, filled and emptied in the console; their limit holds runs back and says so; who is a member
// of one sees and does what it gives, and nothing else.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { addJob, begin, connect, end, enter, overflow, shoot, signIn, violations, withoutDatabases } from './harness.mjs'

const ROWS = 20_000
const ANN = { name: 'ann', password: 'only what sales gives me' }
const skip = withoutDatabases

let node, client, browser, page, databases

before(async () => {
  if (skip) return
  const mariadb = `
    CREATE TABLE orders (id int PRIMARY KEY, note varchar(40));
    INSERT INTO orders SELECT seq, CONCAT('order ', seq) FROM seq_1_to_${ROWS};
    CREATE TABLE visits (id int PRIMARY KEY);
    INSERT INTO visits SELECT seq FROM seq_1_to_10`
  ;({ databases, node, client, browser } = await begin({ mariadb }))
  await connect(client, databases)
  // So slow that it is at work as long as the test wants it to be.
  await addJob(client, 'orders', 'orders', { speed: { rows_per_second: 50, split_rows: 1_000 } })
  await addJob(client, 'visits')
  await addJob(client, 'others', 'visits', { sink: { connection: 'warehouse', table: 'others' } })
  page = await enter(browser, node)
})
after(end)

const projects = (window = page) => window.getByRole('table', { name: 'Projects' })
const rowOf = (name, window = page) => projects(window).getByRole('row').filter({ has: window.getByRole('link', { name, exact: true }) })
const dialog = (window = page) => window.getByRole('dialog')
async function ask(name, what, window = page) {
  await window.getByRole('button', { name: `More for ${name}` }).click()
  await window.getByRole('menuitem', { name: what, exact: true }).click()
}
/** The dialog is looked at once it stands still. */
async function look(window, name) {
  await window.waitForFunction(() => document.getAnimations().every((one) => one.playState !== 'running'))
  await shoot(window, name)
  assert.deepEqual(await violations(window), [], name)
  assert.equal(await overflow(window), 0, name)
}

test('a project is made, and jobs are put in it', { skip }, async () => {
  await page.goto('/jobs')
  await page.getByRole('link', { name: 'orders', exact: true }).waitFor()
  // With one project alone there is nothing to choose.
  assert.equal(await page.getByRole('combobox', { name: 'Project' }).count(), 0)

  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Projects' }).click()
  await rowOf('default').getByRole('cell', { name: '3', exact: true }).waitFor()
  await page.getByRole('button', { name: 'New project' }).click()
  await dialog().getByRole('textbox', { name: 'Name' }).fill('no good name')
  await dialog().getByText('Begins with a letter or digit').waitFor()
  assert.equal(await dialog().getByRole('button', { name: 'Create' }).isDisabled(), true)
  await look(page, 'project-new-1280-light')
  await dialog().getByRole('textbox', { name: 'Name' }).fill('sales')
  await dialog().getByRole('textbox', { name: 'Description' }).fill('What is sold')
  await dialog().getByRole('textbox', { name: 'Runs at the same time' }).fill('1')
  await dialog().getByRole('button', { name: 'Create' }).click()
  await rowOf('sales').getByText('What is sold').waitFor()

  // A name that is taken is refused, and what was typed stays.
  await page.getByRole('button', { name: 'New project' }).click()
  await dialog().getByRole('textbox', { name: 'Name' }).fill('sales')
  await dialog().getByRole('button', { name: 'Create' }).click()
  await dialog().getByRole('alert').getByText('E0504').waitFor()
  await dialog().getByRole('button', { name: 'Cancel' }).click()

  for (const name of ['orders', 'visits']) {
    await page.goto(`/jobs/${name}/edit?step=finish`)
    await page.getByRole('combobox', { name: 'Project' }).click()
    await page.getByRole('option', { name: 'sales' }).click()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.waitForURL(new RegExp(`/jobs/${name}$`))
    await page.getByRole('link', { name: 'sales', exact: true }).waitFor()
  }
  // Its name leads to its jobs; the address keeps that.
  await page.getByRole('link', { name: 'sales', exact: true }).click()
  await page.waitForURL(/\/jobs\?project=sales$/)
  await page.getByText('2 jobs', { exact: true }).waitFor()
  await page.reload()
  await page.getByText('2 jobs', { exact: true }).waitFor()
  assert.equal(await page.getByRole('link', { name: 'others', exact: true }).count(), 0)
  await page.getByRole('combobox', { name: 'Project' }).click()
  await page.getByRole('option', { name: 'default' }).click()
  await page.getByText('1 job', { exact: true }).waitFor()
  await page.getByRole('link', { name: 'others', exact: true }).waitFor()
})

test('its limit holds a run back, and the queue says so in both languages', { skip }, async () => {
  const first = await client.post('/jobs/orders/runs')
  await client.until(`/runs/${first.id}`, (run) => run.state === 'running')
  const second = await client.post('/jobs/visits/runs')
  const other = await client.post('/jobs/others/runs')
  await page.goto('/')
  await page.getByRole('table', { name: 'Queue' }).getByText('project sales takes 1 run at the same time').waitFor()
  const chinese = await enter(browser, node, { language: 'zh', theme: 'dark', width: 390 })
  await chinese.goto(`/runs/${second.id}`)
  await chinese.getByText('项目 sales 同时只允许 1 个运行').first().waitFor()
  await chinese.context().close()
  // One of another project goes past it.
  await client.until(`/runs/${other.id}`, (run) => run.state === 'finished')

  // A job does not move while a run of it is at work: the page says so, and keeps what was chosen.
  await page.goto('/jobs/orders/edit?step=finish')
  await page.getByRole('combobox', { name: 'Project' }).click()
  await page.getByRole('option', { name: 'default' }).click()
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByRole('alert').getByText('E0410').waitFor()
  await page.getByRole('button', { name: 'Discard' }).click()

  // Without a limit the second goes on by itself.
  await page.goto('/projects')
  await ask('sales', 'Edit')
  await look(page, 'project-edit-1280-light')
  await dialog().getByRole('textbox', { name: 'Runs at the same time' }).fill('')
  await dialog().getByRole('button', { name: 'Save' }).click()
  await rowOf('sales').getByText('no limit').waitFor()
  await client.until(`/runs/${second.id}`, (run) => run.state === 'finished')
  await client.post(`/runs/${first.id}/stop`)
  await client.until(`/runs/${first.id}`, (run) => run.state === 'stopped')

  await rowOf('sales').getByRole('link', { name: 'Runs of sales' }).click()
  await page.waitForURL(/\/runs\?project=sales$/)
  await page.getByText('2 runs', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await page.getByText('3 runs', { exact: true }).waitFor()
})

test('of two who change it at once, one is told', { skip }, async () => {
  await page.goto('/projects')
  await ask('sales', 'Edit')
  const now = await client.get('/projects/sales')
  await client.send('PUT', '/projects/sales', { description: 'What is sold, and to whom', max_running: 3 }, { 'if-match': `"${now.version}"` })
  await dialog().getByRole('textbox', { name: 'Description' }).fill('Mine')
  await dialog().getByRole('button', { name: 'Save' }).click()
  await dialog().getByText('Somebody else has changed it meanwhile').waitFor()
  await dialog().getByRole('button', { name: 'Load anew' }).click()
  await page.waitForFunction(() => document.querySelector('[role=dialog] textarea')?.value === 'What is sold, and to whom')
  assert.equal(await dialog().getByRole('textbox', { name: 'Runs at the same time' }).inputValue(), '3')
  await dialog().getByRole('button', { name: 'Cancel' }).click()
})

test('a member sees and does what the project gives, and nothing else', { skip }, async () => {
  await client.post('/users', { ...ANN, role: 'member' })
  const hers = await browser.window({ url: node.url })
  await signIn(hers, ANN)
  await page.goto('/projects')
  await ask('sales', 'Members')
  await dialog().getByText('Nobody has a role of their own here').waitFor()
  await dialog().getByRole('combobox', { name: 'User' }).click()
  await page.getByRole('option', { name: 'ann' }).click()
  await dialog().getByRole('button', { name: 'Add' }).click()
  const role = dialog().getByRole('combobox', { name: 'Role of ann' })
  await role.waitFor()
  await look(page, 'project-members-1280-light')
  assert.deepEqual(await client.get('/projects/sales/members'), [{ user: 'ann', role: 'viewer' }])

  // A viewer there: the jobs of the project, and none may be started.
  await hers.goto('/jobs')
  await hers.getByRole('link', { name: 'visits', exact: true }).waitFor()
  assert.equal(await hers.getByRole('link', { name: 'others', exact: true }).count(), 0)
  const start = hers.getByRole('button', { name: 'Start visits' })
  assert.equal(await start.getAttribute('aria-disabled'), 'true')
  await hers.goto('/projects')
  await rowOf('sales', hers).waitFor()
  assert.equal(await rowOf('default', hers).count(), 0)
  assert.equal(await hers.getByRole('button', { name: 'New project' }).getAttribute('aria-disabled'), 'true')

  await role.click()
  await page.getByRole('option', { name: 'Operator' }).click()
  await client.until('/projects/sales/members', ([one]) => one.role === 'operator')
  await hers.goto('/jobs/visits')
  await hers.getByRole('button', { name: 'Start', exact: true }).click()
  await hers.waitForURL(/\/runs\//)
  await hers.locator('h1 [data-state=finished]').waitFor()
  await hers.goto('/jobs/others')
  await hers.getByRole('alert').getByText(/^E05/).waitFor()

  // Taken out, the project is gone from her pages.
  await dialog().getByRole('button', { name: 'Remove ann' }).click()
  await dialog().getByText('Nobody has a role of their own here').waitFor()
  await hers.goto('/jobs/visits')
  await hers.getByRole('alert').getByText(/^E05/).waitFor()
  await hers.context().close()
})

test('a project goes once its jobs are elsewhere', { skip }, async () => {
  await page.goto('/projects')
  await ask('sales', 'Delete')
  await dialog().getByText('2 jobs are in it').waitFor()
  await dialog().getByRole('link', { name: 'Show its jobs' }).click()
  await page.waitForURL(/\/jobs\?project=sales$/)
  for (const name of ['orders', 'visits']) {
    const { version, yaml } = await client.get(`/jobs/${name}`)
    await client.send('PUT', `/jobs/${name}`, { name, yaml, project: 'default' }, { 'if-match': `"${version}"` })
  }
  await page.goto('/projects')
  await ask('sales', 'Delete')
  await dialog().getByText('No job is in it').waitFor()
  await dialog().getByRole('button', { name: 'Delete' }).click()
  await rowOf('sales').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'More for default' }).click()
  assert.equal(await page.getByRole('menuitem', { name: 'Delete' }).isDisabled(), true)
  await page.keyboard.press('Escape')
  await page.context().close()
})

test('no page has thrown', { skip }, () => {
  assert.deepEqual(browser.faults, [])
})
