/** `data-layers` with names that it does not know. */
import { afterAll, expect, it } from 'vitest'
import { createCli } from '../../test/helpers/cli.ts'

const { run: bench, remove } = createCli()
afterAll(remove)

it.each([
  ['an unknown data layer', ['data-layers', 'x'], /unknown data layer "x"; there are: pg, drizzle/],
  ['an unknown query', ['data-layers', '--scenario', 'x'], /unknown scenario "x"; there are: lookup/],
])('refuses %s', async (_, args, line) => {
  const { code, stderr } = await bench(...args)
  expect(stderr).toMatch(line)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(code).toBe(64)
})
