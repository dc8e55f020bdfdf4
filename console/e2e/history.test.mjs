// Ten thousand runs in the store: the list is drawn a screen at a time, and every one of them is reached.
// A run with a long log: its end comes first, and what was before when somebody asks.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { addJob, Browser, connect, Databases, Node, overflow, POSTGRES, signIn, violations, withoutDatabases } from './harness.mjs'

const RUNS = 10_000
/** What a window may hold of them at most, however far it was scrolled. */
const ROWS_DRAWN = 80
/** More than two pages of a log, and not three. */
const LINES = 1_300
const skip = withoutDatabases

let node, client, browser, databases, real

/** The id of the n-th, which sorts by n, before every id that is given today. */
const idOf = (n) => `01900000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`

before(async () => {
  if (skip) return
  databases = await Databases.make()
  await databases.mariadb('CREATE TABLE visits (id int PRIMARY KEY); INSERT INTO visits SELECT seq FROM seq_1_to_10')
  // The server's own state is in PostgreSQL here, so that one real run can be made ten thousand there.
  node = await Node.start(['--store', databases.address(POSTGRES)])
  client = await node.setUp()
  await connect(client, databases)
  await addJob(client, 'visits')
  const { id } = await client.post('/jobs/visits/runs')
  real = id
  await client.until(`/runs/${id}`, (run) => run.state === 'finished')
  const [{ schema }] = JSON.parse(await databases.postgres("SELECT json_agg(json_build_object('schema', table_schema)) FROM information_schema.columns WHERE table_name = 'runs' AND column_name = 'job_name'"))
  await databases.postgres(`
    INSERT INTO ${schema}.runs
    SELECT (jsonb_populate_record(r, jsonb_build_object(
      'id', '01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'),
      'started_at', to_char(timestamp '2026-01-01' + n * interval '1 minute', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')))).*
    FROM ${schema}.runs r, generate_series(1, ${RUNS}) n WHERE r.id = '${id}'`)
  await databases.postgres(`
    INSERT INTO ${schema}.run_events (seq, run, at, kind, level, message, body)
    SELECT 1000000 + n, '${id}', '2026-01-01T00:00:00Z', 'note', CASE WHEN n = 5 THEN 'warn' ELSE 'info' END, 'line ' || n || ' of many', '{}' FROM generate_series(1, ${LINES}) n ORDER BY n`)
  browser = await Browser.start()
})
after(async () => {
  await browser?.close()
  await node?.remove()
  await databases?.drop()
})

const drawn = (page) => page.locator('[role=table] [role=row]').count()
const linkTo = (page, n) => page.locator(`a[href="/runs/${idOf(n)}"]`)
const known = async (page) => Number(await page.getByRole('table', { name: 'Runs' }).getAttribute('aria-rowcount')) - 1

for (const width of [1280, 390]) {
  test(`all are reached by scrolling at ${width} px, and few are drawn`, { skip }, async () => {
    const page = await browser.window({ url: node.url, width })
    await signIn(page)
    await page.goto('/runs')
    await page.getByText('200 loaded, more below').waitFor()
    const least = await drawn(page)
    assert.ok(least > 5 && least < ROWS_DRAWN, `${least} rows are drawn at the beginning`)
    for (let before = 0, all = await known(page); all <= RUNS; before = all, all = await known(page)) {
      assert.ok(all > before, `${all} are known, and no more come`)
      await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight))
      await page.waitForFunction((count) => Number(document.querySelector('[role=table]').getAttribute('aria-rowcount')) - 1 > count, all)
      const rows = await drawn(page)
      assert.ok(rows < ROWS_DRAWN, `${rows} rows are drawn`)
    }
    await page.getByText('10,001 runs').waitFor()
    assert.equal(await overflow(page), 0)
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight))
    await linkTo(page, 1).waitFor()

    // The 9,000th stands where nine tenths of the way down are; the newest is not drawn there.
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight * 0.9))
    await page.locator('[aria-rowindex]').nth(1).waitFor()
    await page.waitForFunction(() => [...document.querySelectorAll('[role=table] [role=row]')].some((row) => Math.abs(Number(row.getAttribute('aria-rowindex')) - 9_000) < 150))
    for (let step = 0; (await linkTo(page, RUNS + 2 - 9_000).count()) === 0; step += 1) {
      assert.ok(step < 100, 'the 9,000th is not found')
      const first = Number(await page.locator('[role=table] [role=row][data-index]').first().getAttribute('aria-rowindex'))
      await page.evaluate((by) => window.scrollBy(0, by), first < 9_000 ? 300 : -300)
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
    }
    assert.equal(await page.locator('[role=row]', { has: linkTo(page, RUNS + 2 - 9_000) }).getAttribute('aria-rowindex'), '9001')
    assert.ok((await drawn(page)) < ROWS_DRAWN)

    // It opens, and the way back leads to the list.
    await linkTo(page, RUNS + 2 - 9_000).click()
    await page.getByRole('heading', { name: 'visits' }).waitFor()
    await page.goBack()
    await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor()
    await page.context().close()
  })
}

test('a filter looks through all of them at the server', { skip }, async () => {
  const page = await browser.window({ url: node.url })
  await signIn(page)
  await page.goto('/runs')
  await page.getByRole('textbox', { name: 'Search' }).fill(idOf(3))
  await page.getByText('1 run', { exact: true }).waitFor()
  await linkTo(page, 3).waitFor()
  await page.context().close()
})

test('a long log shows its end, and earlier lines when somebody asks', { skip }, async () => {
  const page = await browser.window({ url: node.url })
  await signIn(page)
  await page.goto(`/runs/${real}?tab=log`)
  const log = page.getByRole('log')
  const earlier = page.getByRole('button', { name: 'Earlier lines' })
  const line = (n) => log.getByText(`line ${n} of many`, { exact: true })
  await line(LINES).waitFor()
  const lines = () => log.locator('time').count()
  assert.equal(await lines(), 500)
  // What was read stays in view as lines come in above it.
  await page.getByRole('checkbox', { name: 'Follow' }).uncheck()
  await log.evaluate((box) => (box.scrollTop = 0))
  await line(LINES - 499).scrollIntoViewIfNeeded()
  const top = async (n) => (await line(n).boundingBox()).y
  const before = await top(LINES - 499)
  await earlier.click()
  await line(LINES - 999).waitFor({ state: 'attached' })
  assert.equal(await lines(), 1_000)
  const moved = Math.abs((await top(LINES - 499)) - before)
  assert.ok(moved < 40, `it moved by ${moved} px`)
  await earlier.click()
  await line(1).waitFor({ state: 'attached' })
  await earlier.waitFor({ state: 'detached' })
  // All of it is there now, once, to be searched.
  await page.getByRole('textbox', { name: 'Find in the log' }).fill('of many')
  await page.waitForFunction((count) => document.querySelectorAll('[role=log] time').length === count, LINES)
  await page.getByRole('textbox', { name: 'Find in the log' }).fill('line 13')
  await page.waitForFunction(() => document.querySelectorAll('[role=log] time').length === 12)
  assert.deepEqual(await violations(page), [])

  await page.getByRole('tab', { name: 'Events' }).click()
  const events = page.getByRole('table', { name: 'Events' })
  await events.getByText(`line ${LINES} of many`, { exact: true }).waitFor()
  const known = async () => Number(await events.getAttribute('aria-rowcount'))
  const first = await known()
  assert.ok(first > 500 && first < LINES, `${first} rows`)
  await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight))
  await page.getByRole('button', { name: 'Earlier events' }).click()
  await page.waitForFunction((than) => Number(document.querySelector('[role=table][aria-label=Events]').getAttribute('aria-rowcount')) > than, first)
  await page.context().close()
})

test('no page has thrown', { skip }, () => {
  assert.deepEqual(browser.faults, [])
})
