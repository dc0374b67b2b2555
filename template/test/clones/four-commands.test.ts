/** From a fresh clone to a service of one's own, with a module of one's own that responds: four commands. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { copyRepository, createFolder, must, openCheckout } from '../helpers/copy.ts'

const LIMIT_MS = 5 * 60_000

it(
  'takes four commands and less than five minutes',
  async ({ annotate }) => {
    const source = await copyRepository()
    const folder = join(createFolder(), 'orders-api')
    const started = performance.now()

    // git clone <url> orders-api && cd orders-api
    await promisify(execFile)('git', ['clone', '--quiet', `file://${source.folder}`, folder])
    const clone = openCheckout(folder)
    // npm ci
    await must(clone.npm('ci', '--no-audit', '--no-fund'))
    // npm run template -- init …
    const fields = 'title:text,total:integer,dueAt:timestamp?'
    await must(
      clone.template(
        'init',
        '--name',
        'orders-api',
        '--without',
        'bench,report,notes',
        '--new',
        'orders',
        '--fields',
        fields,
        '--yes',
      ),
    )
    // npm start
    const { origin, stop } = await clone.start()

    const post = async (path: string, body: object, token?: string) => {
      const response = await fetch(`${origin}/api/v1${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
        body: JSON.stringify(body),
      })
      return { status: response.status, body: (await response.json()) as Record<string, unknown> }
    }
    const account = { email: 'ada@example.com', password: 'correct horse battery staple' }
    await post('/auth/register', { ...account, displayName: 'Ada' })
    const { accessToken } = (await post('/auth/login', account)).body as { accessToken: string }
    const order = { title: 'First', total: 1250, dueAt: '2026-01-31T12:00:00.000Z' }
    const created = await post('/orders', order, accessToken)
    expect(created).toMatchObject({ status: 201, body: order })

    const elapsed = performance.now() - started
    await stop()
    const took = `from the clone to the first order: ${(elapsed / 1000).toFixed(0)} s`
    console.info(took)
    await annotate(took)
    expect(elapsed).toBeLessThan(LIMIT_MS)
  },
  2 * LIMIT_MS,
)
