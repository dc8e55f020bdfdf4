// Signing in for the first time and after; who may do what; two who change the same thing.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ADMIN, Browser, enter, Node, overflow, shoot, signIn, violations } from './harness.mjs'

let node, browser, page

before(async () => {
  node = await Node.start()
  browser = await Browser.start()
  page = await browser.window({ url: node.url })
})
after(async () => {
  await browser?.close()
  await node?.remove()
})

test('the link of the first start makes the first admin, once', async () => {
  const link = node.setupLink
  assert.ok(link, node.output)
  await page.goto(link)
  await page.getByRole('textbox', { name: 'Name' }).fill(ADMIN.name)
  await page.locator('input[type=password]').nth(0).fill(ADMIN.password)
  await page.locator('input[type=password]').nth(1).fill('something else')
  await page.getByRole('button', { name: 'Create and sign in' }).click()
  await page.getByText('The passwords differ').waitFor()
  await page.locator('input[type=password]').nth(1).fill(ADMIN.password)
  await page.getByRole('button', { name: 'Create and sign in' }).click()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()

  // A reload keeps who is signed in, and where.
  await page.goto('/runs?state=failed')
  await page.reload()
  await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor()
  assert.equal(new URL(page.url()).search, '?state=failed')

  const other = await browser.window({ url: node.url })
  await other.goto(link)
  await other.getByRole('textbox', { name: 'Name' }).fill('intruder')
  for (const nth of [0, 1]) await other.locator('input[type=password]').nth(nth).fill('a pass phrase of an intruder')
  await other.getByRole('button', { name: 'Create and sign in' }).click()
  await other.getByText('There is an administrator already').waitFor()
  await other.context().close()
})

test('a fresh server says on every page where to begin', async () => {
  const said = {
    '/': ['Nothing has run yet', '还没有运行记录'],
    '/runs': ['Nothing has run yet', '还没有运行记录'],
    '/jobs': ['No jobs yet', '还没有作业'],
    '/connections': ['No connections yet', '还没有连接'],
    '/verifications': ['Nothing has been compared yet', '还没有比较'],
    '/tokens': ['No tokens', '没有令牌'],
  }
  for (const look of [{ width: 1280, theme: 'light', language: 'en' }, { width: 390, theme: 'dark', language: 'zh' }]) {
    const window = await enter(browser, node, look)
    for (const [path, words] of Object.entries(said)) {
      await window.goto(path)
      await window.getByText(words[look.language === 'zh' ? 1 : 0]).first().waitFor()
      await shoot(window, `empty-${path.slice(1) || 'overview'}-${look.width}-${look.theme}`)
      assert.deepEqual(await violations(window), [], path)
      assert.equal(await overflow(window), 0, path)
    }
    await window.context().close()
  }
})

test('a wrong password is refused with its code; the right one leads to where one wanted to go', async () => {
  const window = await browser.window({ url: node.url })
  await window.goto('/settings')
  await window.getByRole('heading', { name: 'Sign in' }).waitFor()
  await window.getByRole('textbox', { name: 'Name' }).fill(ADMIN.name)
  await window.locator('input[type=password]').fill('wrong')
  await window.getByRole('button', { name: 'Sign in' }).click()
  await window.getByRole('alert').getByText('E0501').waitFor()
  assert.deepEqual(await violations(window), [])
  await window.locator('input[type=password]').fill(ADMIN.password)
  await window.keyboard.press('Enter')
  await window.getByRole('heading', { name: 'Settings' }).waitFor()
  await window.getByRole('button', { name: 'Account and appearance' }).click()
  await window.getByRole('menuitem', { name: 'Sign out' }).click()
  await window.getByRole('heading', { name: 'Sign in' }).waitFor()
  await window.goto('/')
  await window.getByRole('heading', { name: 'Sign in' }).waitFor()
  await window.context().close()
})

test('a viewer sees, and is told why not to press', async () => {
  await page.goto('/users')
  await page.getByRole('button', { name: 'New user' }).click()
  const viewer = { name: 'watcher', password: 'only ever watching this' }
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('textbox', { name: 'Name' }).fill(viewer.name)
  await dialog.locator('input[type=password]').fill(viewer.password)
  await dialog.getByRole('button', { name: 'Create' }).click()
  await page.getByRole('table').getByText('watcher').waitFor()

  const window = await browser.window({ url: node.url })
  await signIn(window, viewer)
  await window.goto('/connections')
  await window.getByText('No connections yet').waitFor()
  const create = window.getByRole('button', { name: 'New connection' }).first()
  assert.equal(await create.getAttribute('aria-disabled'), 'true')
  await create.hover()
  await window.getByRole('tooltip').getByText('Needs the role Editor').waitFor()
  await create.click({ force: true })
  assert.equal(new URL(window.url()).pathname, '/connections')
  assert.equal(await window.getByRole('link', { name: 'Audit log' }).count(), 0)
  await window.goto('/audit')
  await window.getByRole('alert').getByText(/^E05/).waitFor()

  // Shut out, the open window ends at the next thing it asks.
  await page.getByRole('button', { name: 'More for watcher' }).click()
  await page.getByRole('menuitem', { name: 'Disable' }).click()
  await page.getByRole('table').getByText('Disabled').waitFor()
  await window.goto('/runs')
  await window.getByRole('heading', { name: 'Sign in' }).waitFor()
  await window.context().close()
})

test('a token is shown once, works, and is refused once it is revoked', async () => {
  await page.goto('/tokens')
  await page.getByRole('button', { name: 'New token' }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('textbox', { name: 'Name' }).fill('monitoring')
  await dialog.getByRole('button', { name: 'Create' }).click()
  const token = await page.locator('[data-token]').textContent()
  assert.match(token, /^slt_/)
  const ask = () => fetch(`${node.url}/api/v1/overview`, { headers: { authorization: `Bearer ${token}` } })
  assert.equal((await ask()).status, 200)
  await page.reload()
  await page.getByRole('table').getByText('monitoring').waitFor()
  assert.equal(await page.getByText(token).count(), 0)
  await page.getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await page.getByText('No tokens').waitFor()
  assert.equal((await ask()).status, 401)
})

test('of two who change the settings at once, one is told, and loses nothing of the other', async () => {
  const second = await enter(browser, node)
  await Promise.all([page.goto('/settings'), second.goto('/settings')])
  await page.getByLabel('Slots').fill('7')
  await second.getByLabel('Days that ended runs are kept').fill('30')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Settings saved').waitFor()
  await second.getByRole('button', { name: 'Save' }).click()
  await second.getByText('Somebody else has changed the settings meanwhile').waitFor()
  await second.getByRole('button', { name: 'Load anew' }).click()
  await second.getByText('Somebody else has changed').waitFor({ state: 'detached' })
  assert.equal(await second.getByLabel('Slots').inputValue(), '7')
  await second.getByLabel('Days that ended runs are kept').fill('30')
  await second.getByRole('button', { name: 'Save' }).click()
  await second.getByText('Settings saved').waitFor()
  await page.reload()
  assert.equal(await page.getByLabel('Days that ended runs are kept').inputValue(), '30')
  assert.equal(await page.getByLabel('Slots').inputValue(), '7')
  await second.context().close()
})

test('what was done is in the audit log', async () => {
  await page.goto('/audit')
  const table = page.getByRole('table')
  for (const action of ['setup.complete', 'user.create', 'token.create', 'settings.change']) {
    await table.getByText(action).first().waitFor()
  }
})

test('no page has thrown, and none was kept from loading what it needs', () => {
  assert.deepEqual(browser.faults, [])
})
