/** Creates the links between the embedded server's libraries: npm packages cannot hold links, and no install script runs. */
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rm, symlink } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'

/** A link that the package lists, by paths in it: `native/lib/libicuuc.so.60` to `native/lib/libicuuc.so.60.2`. */
type Link = { source: string; target: string }

/**
 * Creates the missing links of an installed server beside its libraries, as its install script would. Where that folder
 * cannot be written to, creates all of them in `folder`/lib, and returns the value of LD_LIBRARY_PATH. Several starts may
 * do this at the same time.
 */
export async function linkLibraries(postgres: string, folder: string): Promise<string | undefined> {
  const native = dirname(dirname(postgres))
  const links = await readLinks(native)
  try {
    for (const { source, target } of links) await makeLink(relative(dirname(target), source), target)
    return undefined
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (!['EACCES', 'EPERM', 'EROFS'].includes(code)) throw error
  }
  const elsewhere = join(folder, 'lib')
  await rm(elsewhere, { recursive: true, force: true })
  await mkdir(elsewhere)
  // The server's user, where it is another, reads it.
  await chmod(elsewhere, 0o755)
  for (const { source, target } of links) await makeLink(source, join(elsewhere, basename(target)))
  // A library looks for others in the folder of its link.
  return `${elsewhere}:${join(native, 'lib')}`
}

/** Returns the links by full paths; none where the package has no list. */
async function readLinks(native: string): Promise<Link[]> {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return []
  const links: Link[] = JSON.parse(await readFile(list, 'utf8'))
  // A copy of the folder has another name.
  const full = (path: string) => join(native, path.replace(/^native\//, ''))
  return links.map(({ source, target }) => ({ source: full(source), target: full(target) }))
}

async function makeLink(source: string, target: string): Promise<void> {
  if (existsSync(target)) return
  await symlink(source, target).catch(error => {
    // Another start was faster.
    if (error.code !== 'EEXIST') throw error
  })
}
