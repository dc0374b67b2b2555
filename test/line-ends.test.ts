/** A checkout has LF line ends on every machine: the formatter, the shell and the image need them. */
import { cp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { copyRepository } from './helpers/repository-copy.ts'
import { ROOT } from './helpers/service.ts'

it('line ends are LF although git is set to CRLF', async () => {
  const copy = copyRepository()
  for (const part of ['.gitattributes', '.env.example', '.ci', 'Dockerfile', 'test/helpers']) {
    await cp(join(ROOT, part), join(copy.folder, part), { recursive: true })
  }
  await copy.commit('everything')
  await copy.git('clone', '--quiet', '-c', 'core.autocrlf=true', '.', 'clone')
  const clone = join(copy.folder, 'clone')
  const entries = await readdir(clone, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile() && !entry.parentPath.startsWith(join(clone, '.git')))
  expect(files.length).toBeGreaterThan(100)
  const texts = await Promise.all(
    files.map(async ({ parentPath, name }) => [name, await readFile(join(parentPath, name), 'latin1')]),
  )
  expect(texts.filter(([, text]) => text?.includes('\r')).map(([name]) => name)).toEqual([])
})
