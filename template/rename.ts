/** Gives the service another name, in every file. */
import { formsOf } from './names.ts'
import { isText } from './places.ts'
import type { Files, Staging } from './staging.ts'

const CONSTANTS = 'src/config/service-name.ts'

/** Its copyright notice stays, as the licence asks. */
const LICENSE = 'LICENSE'

export type Identity = { name: string; title: string }

/** Returns the name and the title that the service has. */
export function readIdentity(files: Files): Identity {
  const text = files.read(CONSTANTS)
  const read = (constant: string) => new RegExp(`export const ${constant} = '([^']+)'`).exec(text)?.[1]
  const name = read('SERVICE_NAME')
  const title = read('SERVICE_TITLE')
  if (name === undefined || title === undefined) throw new Error(`${CONSTANTS} has no name`)
  return { name, title }
}

/** Replaces the name in small letters, the title, and the name in capital letters. */
export function rename(staging: Staging, to: Identity): void {
  const from = readIdentity(staging)
  const pairs: [string, string][] = [
    [from.title, to.title],
    [from.name, to.name],
    [formsOf(from.name).upper, formsOf(to.name).upper],
  ]
  // In one pass: the new title may contain the old name.
  const names = new Map(pairs)
  const pattern = new RegExp([...names.keys()].join('|').replaceAll(/[.+]/g, '\\$&'), 'g')
  for (const path of staging.list().filter(file => isText(file) && file !== LICENSE)) {
    staging.edit(path, text => text.replaceAll(pattern, old => names.get(old) ?? old))
  }
  staging.edit('package.json', text => {
    const manifest = JSON.parse(text)
    return `${JSON.stringify({ ...manifest, description: to.title }, null, 2)}\n`
  })
}
