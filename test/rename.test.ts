/** The service under other names: it starts, serves and ends, on data that was made under the name it had before. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { SERVICE_NAME, SERVICE_TITLE } from '../src/config/service-name.ts'
import { createCheckout } from './helpers/checkout.ts'
import { createRemote } from './helpers/remote.ts'

const GRACEFULLY = { code: 0, signal: null }

async function edit(file: string, change: (text: string) => string): Promise<void> {
  await writeFile(file, change(await readFile(file, 'utf8')))
}

/** Starts the checkout, uses it, ends it, and returns what it says of itself. */
async function useService({ start }: Awaited<ReturnType<typeof createCheckout>>, title: string) {
  const service = await start({ LOG_FORMAT: 'json' })
  expect(service.output.stdout).toContain(`\n  ${title} is ready.\n`)
  const remote = createRemote(service.origin)
  const user = await remote.signUp()
  expect((await remote.call('GET', '/api/v1/users/me', { token: user.accessToken })).status).toBe(200)
  const { type } = JSON.parse((await remote.call('GET', '/nowhere')).text)
  const { iss } = JSON.parse(Buffer.from(user.accessToken.split('.')[1] ?? '', 'base64url').toString())
  const page = await remote.call('GET', '/docs')
  service.child.kill('SIGTERM')
  expect(await service.exited).toEqual(GRACEFULLY)
  return { type, iss, page: page.text }
}

it('works on its data under any name, and says it where it is asked', async () => {
  const checkout = await createCheckout('renamed')
  onTestFinished(checkout.remove)
  const constant = join(checkout.folder, 'src/config/service-name.ts')
  await useService(checkout, SERVICE_TITLE)

  const title = `Orders' "API" <b>`
  const name = `Orders' "API" v2`
  await edit(constant, text =>
    text
      .replace(JSON.stringify(SERVICE_NAME).replaceAll('"', "'"), () => JSON.stringify(name))
      .replace(JSON.stringify(SERVICE_TITLE).replaceAll('"', "'"), () => JSON.stringify(title)),
  )
  const odd = await useService(checkout, title)
  expect(odd).toMatchObject({ type: 'urn:orders-api-v2:problem:not-found', iss: name })
  expect(odd.page).toContain("<title>Orders' &quot;API&quot; &lt;b></title>")

  // What a person does who replaces the word everywhere.
  await edit(constant, text => text.replace(JSON.stringify(name), `'${SERVICE_NAME}'`))
  const sources = await readdir(join(checkout.folder, 'src'), { recursive: true })
  for (const source of sources.filter(path => path.endsWith('.ts'))) {
    await edit(join(checkout.folder, 'src', source), text => text.replaceAll(SERVICE_NAME, 'orders-api'))
  }
  const plain = await useService(checkout, title)
  expect(plain).toMatchObject({ type: 'urn:orders-api:problem:not-found', iss: 'orders-api' })
})
