/** The V8 flag is one that this V8 knows: it prints an unknown one on stderr, and ignores it. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('is one that this V8 knows', async () => {
  const module = new URL('../../src/process/v8-flags.ts', import.meta.url).href
  const program = `import { setYoungGenerationSize } from '${module}'; setYoungGenerationSize()`
  const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])
  expect(stderr).toBe('')
})
