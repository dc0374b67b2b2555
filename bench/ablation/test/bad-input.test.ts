/** `ablate` with a name that it does not know. */
import { afterAll, expect, it } from 'vitest'
import { createCli } from '../../test/helpers/cli.ts'

const { run: bench, remove } = createCli()
afterAll(remove)

it('refuses an unknown feature and lists those there are', async () => {
  const { code, stderr } = await bench('ablate', 'x')
  expect(stderr).toMatch(
    /^bench: there is nothing called "x" to switch off; there are: security-headers, .*\n$/,
  )
  expect(code).toBe(64)
})
