// A connection through the form: tried, kept, looked into, changed, deleted.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { begin, end, enter, POSTGRES, withoutDatabases } from './harness.mjs'

let node, browser, page, databases

before(async () => {
  if (withoutDatabases) return
  const postgres = `
    CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, born date);
    INSERT INTO customers SELECT n, 'Customer ' || n, NULL FROM generate_series(1, 30) n;
    CREATE TABLE loose (word text)`
  ;({ databases, node, browser } = await begin({ postgres }))
  page = await enter(browser, node)
})
after(end)

test('an address says what kind of store it is; a test says what is wrong with it', { skip: withoutDatabases }, async () => {
  await page.goto('/connections/new')
  const wrong = new URL(POSTGRES)
  wrong.port = '1'
  await page.getByRole('textbox', { name: 'Address' }).fill(wrong.href)
  assert.match(await page.getByRole('combobox', { name: 'Kind of store' }).inputValue(), /PostgreSQL/)
  await page.getByRole('combobox', { name: 'sslmode' }).waitFor()
  await page.getByRole('button', { name: 'Test' }).click()
  await page.getByRole('alert').getByText(/^E0\d\d\d$/).waitFor()
})

test('a connection is kept without its password being shown, and its tables are looked into', { skip: withoutDatabases }, async () => {
  const url = new URL(databases.postgresUrl)
  await page.getByRole('textbox', { name: 'Address' }).fill(url.href)
  await page.getByRole('button', { name: 'Test' }).click()
  await page.getByText('The connection works').waitFor()
  await page.getByRole('textbox', { name: 'Name' }).fill('not a name')
  await page.getByRole('button', { name: 'Create' }).click()
  await page.getByText('Begins with a letter or digit').waitFor()
  await page.getByRole('textbox', { name: 'Name' }).fill('warehouse')
  await page.locator('input[type=password]').fill('marked-secret-8231')
  await page.getByRole('combobox', { name: 'sslmode' }).click()
  await page.getByRole('option', { name: 'prefer' }).click()
  await page.getByRole('button', { name: 'Create' }).click()
  await page.getByRole('heading', { name: 'warehouse' }).waitFor()
  await page.getByRole('button', { name: /customers/ }).click()
  await page.getByRole('cell', { name: 'Customer 7', exact: true }).waitFor()
  await page.getByRole('cell', { name: 'integer' }).first().waitFor()
  assert.ok((await page.getByText('NULL', { exact: true }).count()) > 1)
  // The table is in the address: a reload shows it again.
  await page.reload()
  await page.getByRole('cell', { name: 'Customer 7', exact: true }).waitFor()
  await page.getByRole('button', { name: /loose/ }).getByText('no key').waitFor()
  await page.goto('/connections/warehouse?tab=settings')
  await page.getByRole('textbox', { name: 'Address' }).waitFor()
  assert.equal((await page.content()).includes('marked-secret-8231'), false)
  assert.equal(await page.locator('input[type=password]').getAttribute('placeholder'), 'Kept. Type to replace it.')
})

test('a change keeps the password; a connection is deleted after a question', { skip: withoutDatabases }, async () => {
  await page.getByRole('textbox', { name: 'Description' }).fill('Where everything goes')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Connection warehouse saved').waitFor()
  await page.reload()
  assert.equal(await page.getByRole('textbox', { name: 'Description' }).inputValue(), 'Where everything goes')
  assert.equal(await page.locator('input[type=password]').getAttribute('placeholder'), 'Kept. Type to replace it.')
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByText('No connections yet').waitFor()
})

test('no page has thrown', { skip: withoutDatabases }, () => {
  assert.deepEqual(browser.faults, [])
})
