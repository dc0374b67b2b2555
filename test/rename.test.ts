/** The service works under other names, with the data that it created under its former name. */
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

/** Starts the service, uses it and stops it. Returns its problem type, token issuer and docs page. */
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

it('keeps its data under any name, and shows the name in problems, tokens and the docs page', async () => {
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

  // A person may also replace the word in all files.
  await edit(constant, text => text.replace(JSON.stringify(name), `'${SERVICE_NAME}'`))
  const sources = await readdir(join(checkout.folder, 'src'), { recursive: true })
  for (const source of sources.filter(path => path.endsWith('.ts'))) {
    await edit(join(checkout.folder, 'src', source), text => text.replaceAll(SERVICE_NAME, 'orders-api'))
  }
  const plain = await useService(checkout, title)
  expect(plain).toMatchObject({ type: 'urn:orders-api:problem:not-found', iss: 'orders-api' })
})
