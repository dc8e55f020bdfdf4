// A table of a thousand columns in the mapping grid: drawn as far as it is seen, and every one of them is reached.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { addJob, Browser, connect, Databases, Node, overflow, shoot, signIn, violations, withoutDatabases } from './harness.mjs'

const COLUMNS = 1_000
/** What a window may hold of them at most, wherever it was scrolled to. */
const ROWS_DRAWN = 60
const skip = withoutDatabases
const nameOf = (n) => `c${String(n).padStart(3, '0')}`
const LAST = nameOf(COLUMNS - 1)

let node, client, browser, databases

before(async () => {
  if (skip) return
  databases = await Databases.make()
  const columns = Array.from({ length: COLUMNS - 1 }, (_, n) => `${nameOf(n + 1)} int`).join(', ')
  await databases.mariadb(`CREATE TABLE wide (${nameOf(0)} int PRIMARY KEY, ${columns}) ENGINE=InnoDB; INSERT INTO wide (${nameOf(0)}, ${LAST}) VALUES (1, 7)`)
  node = await Node.start()
  client = await node.setUp()
  await connect(client, databases)
  await addJob(client, 'wide')
  browser = await Browser.start()
})
after(async () => {
  await browser?.close()
  await node?.remove()
  await databases?.drop()
})

const grid = (page) => page.getByRole('table', { name: /^Columns of .*wide$/ })
const drawn = (page) => grid(page).locator('[role=row]').count()
const handle = (page, name) => page.getByRole('button', { name: `Move ${name}`, exact: true })
/** Down or up until this column is drawn: where it stands is not known to the pixel before. */
async function reach(page, name, by) {
  for (let step = 0; (await handle(page, name).count()) === 0; step += 1) {
    assert.ok(step < 400, `${name} is not reached`)
    const before = await page.evaluate(() => window.scrollY)
    await page.evaluate((pixels) => window.scrollBy(0, pixels), by)
    await page.waitForFunction(([was, pixels]) => window.scrollY !== was || (pixels > 0 ? was + window.innerHeight >= document.documentElement.scrollHeight - 1 : was === 0), [before, by])
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
    const rows = await drawn(page)
    assert.ok(rows < ROWS_DRAWN, `${rows} rows are drawn`)
  }
}

/** Waits until this column has the focus, stands at this place, and is in view. */
async function holds(page, name, place) {
  await page.waitForFunction(
    ([label, index]) => {
      const row = document.activeElement?.closest('[role=row]')
      if (document.activeElement?.getAttribute('aria-label') !== label || row?.getAttribute('aria-rowindex') !== index) return false
      const { top, bottom } = row.getBoundingClientRect()
      return top >= 0 && bottom <= window.innerHeight
    },
    [`Move ${name}`, String(place + 1)],
  )
}

test('all are reached by scrolling, by a search and by keys, and few are drawn', { skip }, async () => {
  const page = await browser.window({ url: node.url })
  await signIn(page)
  await page.goto('/jobs/wide/edit?step=columns')
  await page.getByText(`${COLUMNS} of ${COLUMNS} columns`).waitFor()
  await handle(page, nameOf(0)).waitFor()
  assert.equal(await grid(page).getAttribute('aria-rowcount'), String(COLUMNS + 1))
  assert.ok((await drawn(page)) < ROWS_DRAWN)
  await page.getByRole('row', { name: /c000/ }).getByText('exact').waitFor()
  await shoot(page, 'wizard-columns-wide-1280-light')
  assert.deepEqual(await violations(page), [])

  // To the end: the last is renamed there, and left out of sight what was typed is kept.
  await reach(page, LAST, 4_000)
  await page.getByRole('combobox', { name: `Name of ${LAST} at the target` }).fill('newest')
  await page.evaluate(() => window.scrollTo(0, 0))
  await reach(page, nameOf(0), -4_000)
  await page.getByRole('textbox', { name: 'Find a column' }).fill('newest')
  await page.getByText('1 found', { exact: true }).waitFor()
  assert.equal(await drawn(page), 2)
  assert.equal(await page.getByRole('combobox', { name: `Name of ${LAST} at the target` }).inputValue(), 'newest')

  // Some are found, and left out together.
  await page.getByRole('textbox', { name: 'Find a column' }).fill('c77')
  await page.getByText('10 found', { exact: true }).waitFor()
  await page.getByRole('checkbox', { name: 'All columns' }).uncheck()
  await page.getByText(`${COLUMNS - 10} of ${COLUMNS} columns`).waitFor()
  await page.getByRole('textbox', { name: 'Find a column' }).fill('')

  // By keys from one end to the other: the focus goes with the column, which stays in view.
  await handle(page, nameOf(0)).focus()
  for (const [key, place] of [['ArrowDown', 2], ['PageDown', 12], ['End', COLUMNS - 10], ['Home', 1], ['ArrowDown', 2]]) {
    await page.keyboard.press(key)
    await holds(page, nameOf(0), place)
  }
  assert.ok((await drawn(page)) < ROWS_DRAWN)
  // Scrolled away from, it is still there for the next key.
  await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight))
  await handle(page, LAST).waitFor()
  await page.keyboard.press('ArrowUp')
  await holds(page, nameOf(0), 1)

  await page.getByRole('navigation', { name: 'Steps' }).getByRole('button', { name: 'Plan and start' }).click()
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await page.waitForURL(/\/jobs\/wide$/)
  const { spec } = await client.get('/jobs/wide')
  const [chosen] = Object.values(spec.columns)
  assert.equal(chosen.length, COLUMNS - 10)
  assert.deepEqual(chosen.slice(0, 2).map((one) => one.from), [nameOf(0), nameOf(1)])
  assert.deepEqual(chosen.find((one) => one.from === LAST), { from: LAST, to: 'newest' })
  await page.context().close()
})

test('the same on a narrow screen', { skip }, async () => {
  const page = await browser.window({ url: node.url, width: 390, theme: 'dark' })
  await signIn(page)
  await page.goto('/jobs/wide/edit?step=columns')
  await page.getByText(`${COLUMNS - 10} of ${COLUMNS} columns`).waitFor()
  await handle(page, nameOf(0)).waitFor()
  await reach(page, LAST, 6_000)
  assert.equal(await overflow(page), 0)
  assert.deepEqual(await violations(page), [])
  await page.evaluate(() => window.scrollTo(0, 0))
  await shoot(page, 'wizard-columns-wide-390-dark')
  await page.context().close()
})

test('no page has thrown', { skip }, () => {
  assert.deepEqual(browser.faults, [])
})
