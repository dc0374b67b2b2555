/** `frameworks` with names that it does not know. */
import { afterAll, expect, it } from 'vitest'
import { createCli } from '../../test/helpers/cli.ts'

const { run: bench, remove } = createCli()
afterAll(remove)

it.each([
  ['an unknown framework', ['frameworks', 'x'], /unknown framework "x"; there are: bare, express/],
  ['a scenario that they lack', ['frameworks', '--scenario', 'mix'], /frameworks have get-user and login/],
])('refuses %s', async (_, args, line) => {
  const { code, stderr } = await bench(...args)
  expect(stderr).toMatch(line)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(code).toBe(64)
})
