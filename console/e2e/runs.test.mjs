// A run as it is watched: it moves, rests, outlives its server, and its bad rows are mended.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { addJob, Browser, connect, Databases, Node, signIn, withoutDatabases } from './harness.mjs'

const ROWS = 40_000
const skip = withoutDatabases

let node, client, browser, page, databases

before(async () => {
  if (skip) return
  databases = await Databases.make()
  await databases.mariadb(`
    CREATE TABLE orders (id int PRIMARY KEY, note varchar(40) NOT NULL);
    INSERT INTO orders SELECT seq, CONCAT('order ', seq) FROM seq_1_to_${ROWS};
    CREATE TABLE visits (id int PRIMARY KEY, day date, word varchar(20));
    SET sql_mode = '';
    INSERT INTO visits SELECT seq, '2026-11-21', 'x' FROM seq_1_to_500;
    UPDATE visits SET day = '0000-00-00' WHERE id IN (7, 8)`)
  node = await Node.start()
  client = await node.setUp()
  await connect(client, databases)
  const slowly = { speed: { rows_per_second: 2_500, split_rows: 4_000 }, checkpoint: { every: '500ms' } }
  await addJob(client, 'orders', 'orders', slowly)
  await addJob(client, 'visits', 'visits', { errors: { rows: 10, values: { zero_date: 'dead-letter' } } })
  browser = await Browser.start()
  page = await browser.window({ url: node.url })
  await signIn(page)
})
after(async () => {
  await browser?.close()
  await node?.remove()
  await databases?.drop()
})

const state = (window) => window.locator('h1 [data-state]')
const stands = (window, name) => state(window).and(window.locator(`[data-state=${name}]`)).waitFor()
const part = async (window) => Number(await window.getByRole('progressbar', { name: 'Progress of the whole run' }).getAttribute('aria-valuenow'))

async function beyond(window, percent) {
  await window.waitForFunction(
    (least) => Number(document.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow')) > least,
    percent,
  )
}

let run

test('its bar moves by itself, in two windows at once, and a pause in one is seen in the other', { skip }, async () => {
  run = await client.post('/jobs/orders/runs')
  const second = await browser.window({ url: node.url, theme: 'dark' })
  await signIn(second)
  await second.goto('/runs')
  await page.goto(`/runs/${run.id}`)
  await stands(page, 'running')
  const first = await part(page)
  await beyond(page, first + 3)
  await second.getByRole('row', { name: /orders/ }).getByText('Running').waitFor()

  await second.getByRole('link', { name: 'orders' }).first().click()
  await stands(second, 'running')
  await page.getByRole('button', { name: 'Pause' }).click()
  await stands(page, 'paused')
  await stands(second, 'paused')
  await second.getByRole('button', { name: 'Resume' }).waitFor()
  // The state was in the database before anybody was told.
  assert.equal((await client.get(`/runs/${run.id}`)).state, 'paused')
  await second.context().close()
  // Nothing moves now: what the chart shows after a reload is what the server remembers.
  await page.locator('.uplot canvas').waitFor()
  await page.reload()
  await stands(page, 'paused')
  await page.locator('.uplot canvas').waitFor()
})

test('the server is killed while it runs; the window waits, and goes on with it', { skip }, async () => {
  await page.getByRole('button', { name: 'Resume' }).click()
  await stands(page, 'running')
  await page.getByRole('status', { name: '' }).getByText('Live', { exact: true }).waitFor()
  const before = await part(page)
  await beyond(page, before + 2)
  await node.kill()
  await page.getByText('Connection lost, trying again').waitFor()
  await node.begin()
  await page.getByText('Live', { exact: true }).waitFor()
  await stands(page, 'finished')
  assert.equal(await databases.postgres('SELECT count(*), count(DISTINCT id) FROM orders'), `${ROWS}|${ROWS}`)
})

test('its history says what happened, and a reload shows the same', { skip }, async () => {
  await page.getByRole('tab', { name: 'Events' }).click()
  const events = page.getByRole('table', { name: 'Events' })
  for (const word of ['Paused', 'Finished']) await events.getByText(word, { exact: true }).first().waitFor()
  await page.reload()
  await events.getByText('Paused', { exact: true }).first().waitFor()
  await page.getByRole('tab', { name: 'Splits' }).click()
  await page.getByRole('table', { name: 'Splits' }).getByText('Done', { exact: true }).first().waitFor()
  await page.getByRole('tab', { name: 'Log' }).click()
  await page.getByRole('log').getByText(/paused/).first().waitFor()
  await page.goto('/runs?state=finished&job=orders')
  await page.getByRole('link', { name: 'orders' }).waitFor()
  await page.goto('/runs?state=failed')
  await page.getByText('No run fits these filters').waitFor()
})

test('a row that did not fit is edited and replayed', { skip }, async () => {
  run = await client.post('/jobs/visits/runs')
  await client.until(`/runs/${run.id}`, (one) => one.state === 'finished')
  await page.goto(`/runs/${run.id}?tab=dead-letters`)
  await page.getByRole('table', { name: 'Dead letters' }).getByRole('button', { name: /id 7$/ }).click()
  const drawer = page.getByRole('dialog')
  const day = drawer.getByRole('textbox', { name: 'day' })
  assert.equal(await day.inputValue(), '0000-00-00')
  // As it is, it is refused again, and says why.
  await drawer.getByRole('button', { name: 'Replay' }).click()
  await drawer.getByRole('alert').nth(1).waitFor()
  await day.fill('2026-11-20')
  await drawer.getByText('day · changed').waitFor()
  await drawer.getByRole('button', { name: 'Replay' }).click()
  await drawer.waitFor({ state: 'detached' })
  await page.getByRole('status').getByText('1 row replayed').waitFor()
  assert.equal(await databases.postgres('SELECT day FROM visits WHERE id = 7'), '2026-11-20')
  assert.equal(await databases.postgres('SELECT count(*) FROM visits WHERE id = 8'), '0')
})

test('the overview says what failed, why, and what to press; mended, it goes on from there', { skip }, async () => {
  await client.post('/jobs', { name: 'strict', spec: { version: 1, source: { connection: 'shop', tables: ['visits'] }, sink: { connection: 'warehouse', table: 'strict' } } })
  run = await client.post('/jobs/strict/runs')
  await client.until(`/runs/${run.id}`, (one) => one.state === 'failed')
  await page.goto('/')
  const needs = page.getByRole('region', { name: 'Needs you' })
  await needs.getByText('E0309').waitFor()
  await needs.getByText('shop').first().waitFor()
  await needs.getByRole('link', { name: 'Change limits and rules' }).click()
  await page.getByRole('heading', { name: 'Edit strict' }).waitFor()
  await page.getByRole('heading', { name: 'Bad rows' }).waitFor()
  // A person mends the source instead, and comes back.
  await databases.mariadb("SET sql_mode = ''; UPDATE visits SET day = '2026-11-20' WHERE day = 0")
  await page.goto('/')
  await needs.getByRole('button', { name: 'Resume' }).click()
  await page.getByText('Nothing has failed, and nothing waits for a store.').waitFor()
  assert.equal((await client.until(`/runs/${run.id}`, (one) => one.state === 'finished')).id, run.id)
  assert.equal(await databases.postgres('SELECT count(*) FROM strict'), '500')
})

test('the keys there are, are shown by one', { skip }, async () => {
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keys' }).getByText('New job').waitFor()
  await page.keyboard.press('Escape')
})

test('no page has thrown', { skip }, () => {
  assert.deepEqual(browser.faults, [])
})
