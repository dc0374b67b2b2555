/** The files that a command writes at its end: checked before the minutes of load. */
import { access, constants, mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { reasonOf, UsageError } from '../../harness/errors.ts'
import type { Values } from '../options.ts'

/** Makes the folders of `--json` and `--html`; throws a UsageError where one of the files could not be written. */
export async function prepareFiles(values: Pick<Values, 'json' | 'html'>): Promise<void> {
  for (const name of ['json', 'html'] as const) {
    const file = values[name]
    if (file === undefined) continue
    try {
      await prepareFile(resolve(file))
    } catch (error) {
      throw new UsageError(`cannot write --${name} ${file}: ${reasonOf(error)}`)
    }
  }
}

async function prepareFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const existing = await stat(path).catch(() => undefined)
  if (existing?.isDirectory()) throw new Error('it is a folder')
  await access(existing ? path : dirname(path), constants.W_OK)
}
