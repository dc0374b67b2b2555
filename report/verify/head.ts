/** Checks what a document says about itself: its name, its day, its commit, and what it is a report of. */
import { execFile } from 'node:child_process'
import { basename, dirname } from 'node:path'
import { promisify } from 'node:util'
import { RunError } from '../../harness/errors.ts'
import { SERVER } from '../../harness/service.ts'
import type { Report, Version } from '../document/document.ts'
import type { Settings } from '../options.ts'
import { type Published, shown } from './published.ts'

/** The files that this repository's service runs. Tests, documents and the report itself change no figure. */
const SERVICE_FILES = ['src', 'drizzle', 'package.json', 'package-lock.json']
/** Of another app the folders are not known. */
const APP_FILES = ['.', ':(exclude)*.md']

type Wanted = Pick<Settings, 'app' | 'since'>

/**
 * Throws a RunError where a document is of something else than what the command line names. What is run comes from
 * there: a document could name a module or a commit of others.
 */
export function refuseOtherSubject({ file, json, base }: Published, { app, since }: Wanted): void {
  if (json !== undefined && app === undefined && json.module !== SERVER) {
    throw new RunError(
      `${file} is of the module ${shown(json.module)}, this repository's service is ${SERVER}: name the app with --app`,
    )
  }
  if (base && since === undefined) {
    const ref = shown(base.ref ?? base.commit ?? '')
    throw new RunError(`${file} is the report of a change since ${ref}: name that version with --since`)
  }
}

/** Returns one line for each statement of the head that is not so. */
export async function checkHead(
  published: Published,
  found: Report,
  { folder, app, date }: { folder: string } & Pick<Settings, 'app'> & { date: string | undefined },
): Promise<string[]> {
  const { feature, json, head, base, sections } = published
  const source = sections.flatMap(({ rows }) => rows).find(({ cells: [component] }) => component === 'Source')
  const named = head?.commit?.slice(0, 10) ?? ''
  const files = app === undefined ? SERVICE_FILES : APP_FILES
  const commit = found.range.head.commit === null ? [] : await checkCommit(folder, head, files)
  return [
    ...(feature === found.feature ? [] : [`the report is of "${shown(feature)}", not of "${found.feature}"`]),
    ...(json === undefined || json.module === found.module
      ? []
      : [`the module is "${shown(json.module)}", not "${found.module}"`]),
    ...commit,
    ...(source?.cells[2]?.includes(named) === false ? [`the row of the source does not name ${named}`] : []),
    ...checkBase(base, found.range.base),
    ...(await checkDay(published, folder, date)),
  ]
}

async function checkCommit(folder: string, head: Version | undefined, files: string[]): Promise<string[]> {
  if (!head?.commit) return ['the report names no commit']
  const name = head.commit.slice(0, 10)
  if (head.dirty) return [`the report was made with uncommitted changes to ${name}: no commit has that code`]
  const git = gitIn(folder)
  const commit = await git('rev-parse', '--verify', '--quiet', '--end-of-options', `${head.commit}^{commit}`)
  if (commit === undefined) return [`there is no commit ${name}; in a shallow clone: git fetch --unshallow`]
  if ((await git('merge-base', '--is-ancestor', commit.trim(), 'HEAD')) === undefined) {
    return [`the commit ${name} is not part of the history of HEAD`]
  }
  const changed = await git('diff', '--name-only', '--relative', commit.trim(), '--', ...files)
  const added = await git('ls-files', '--others', '--exclude-standard', '--', ...files)
  const names = `${changed ?? ''}${added ?? ''}`.split('\n').filter(Boolean)
  if (names.length === 0) return []
  const more = names.length > 3 ? ` and ${names.length - 3} more` : ''
  return [`the service has changed since ${name}: ${names.slice(0, 3).join(', ')}${more}`]
}

function checkBase(published: Version | undefined, found: Version | undefined): string[] {
  if (!published && !found) return []
  if (!published) return ['the report is of the whole service, not of a change']
  const isSame = found?.commit?.startsWith(published.commit ?? '-') === true
  return isSame
    ? []
    : [
        `the change began with ${found?.commit?.slice(0, 10)}, not with ${shown(published.commit ?? 'no commit')}`,
      ]
}

/** A report cannot be older than its commit, nor younger than the commit that published it. */
async function checkDay({ file, date, head }: Published, folder: string, wanted: string | undefined) {
  if (wanted !== undefined) return date === wanted ? [] : [`the report is of ${date}, not of ${wanted}`]
  const dayOf = async (cwd: string, ...args: string[]) => {
    const seconds = await gitIn(cwd)('log', '-1', '--format=%ct', ...args)
    return seconds?.trim() ? new Date(Number(seconds) * 1000).toISOString().slice(0, 10) : undefined
  }
  const name = basename(file)
  const committed = head?.commit ? await dayOf(folder, '--end-of-options', head.commit) : undefined
  const isPublished = (await gitIn(dirname(file))('status', '--porcelain', '--ignored', '--', name)) === ''
  const published = isPublished ? await dayOf(dirname(file), '--', name) : undefined
  const last = published ?? new Date().toISOString().slice(0, 10)
  if (committed !== undefined && date < committed) {
    return [`the report is of ${date}, before its commit of ${committed}`]
  }
  return date > last ? [`the report is of ${date}, after ${last}, when it was published`] : []
}

/** Returns a function that runs git and returns its output; undefined where git fails. */
function gitIn(cwd: string) {
  return async (...args: string[]): Promise<string | undefined> => {
    try {
      return (await promisify(execFile)('git', args, { cwd, maxBuffer: 64 << 20 })).stdout
    } catch {
      return undefined
    }
  }
}
