/** A copy of the repository in which a command makes all its changes, before they are applied together. */
import { execFile } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { promisify } from 'node:util'
import { UserFacingError } from '../src/lib/user-facing-error.ts'

const MAX_OUTPUT = 64 << 20

export type Change = { kind: 'add' | 'change' | 'remove'; path: string }

type Saved = { bytes: Buffer; mode: number }

/** Where only reading is needed. */
export type Files = Pick<Staging, 'has' | 'read'>

export type Staging = Awaited<ReturnType<typeof openStaging>>

/** Runs a program in a folder, and returns what it wrote. Throws UserFacingError, with its words, where it fails. */
export async function run(
  folder: string,
  file: string,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  const env = { ...process.env, FORCE_COLOR: '0' }
  const options = { cwd: folder, maxBuffer: MAX_OUTPUT, env, killSignal: 'SIGKILL' as const, signal }
  return promisify(execFile)(file, args, options).then(
    ({ stdout }) => stdout,
    (error: { stdout?: string; stderr?: string; message: string }) => {
      const said = `${error.stderr ?? ''}${error.stdout ?? ''}`.trim() || error.message
      throw new UserFacingError(`\`${[file, ...args].join(' ')}\` failed:\n${said}`)
    },
  )
}

/** Returns the tracked files. Throws UserFacingError where there is no git checkout, or something in it is not committed. */
export async function listCommitted(root: string): Promise<string[]> {
  const state = await run(root, 'git', ['status', '--porcelain']).catch(() => undefined)
  if (state === undefined) {
    throw new UserFacingError('This is not a git checkout: run `git init`, commit everything, and try again.')
  }
  if (state !== '') {
    throw new UserFacingError('The working tree has changes: commit them or discard them, and try again.')
  }
  const listed = await run(root, 'git', ['ls-files', '-z'])
  return listed.split('\0').filter(Boolean)
}

/** Copies what is committed. `close` removes the copy; a signal before that does it too. */
export async function openStaging(root: string) {
  const committed = await listCommitted(root)
  const folder = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'template-'))
  const discard = () => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  const stopped = new AbortController()
  const releaseSignals = onSignals(signal => {
    stopped.abort()
    discard()
    process.stderr.write('Stopped. Nothing was changed.\n')
    process.exit(signal === 'SIGINT' ? 130 : 143)
  })
  const at = (path: string) => join(folder, path)
  try {
    for (const path of committed) {
      fs.mkdirSync(dirname(at(path)), { recursive: true })
      fs.copyFileSync(join(root, path), at(path))
    }
  } catch (error) {
    releaseSignals()
    discard()
    throw withoutStack(error)
  }
  const modules = join(root, 'node_modules')
  if (!fs.existsSync(modules)) {
    releaseSignals()
    discard()
    throw new UserFacingError('The packages are not installed: run `npm ci` first.')
  }
  fs.symlinkSync(modules, at('node_modules'), 'dir')

  return {
    root,
    folder,
    /** The files, by path. */
    list: () => listFiles(folder, folder),
    has: (path: string) => fs.existsSync(at(path)),
    read: (path: string) => fs.readFileSync(at(path), 'utf8'),
    write(path: string, text: string): void {
      fs.mkdirSync(dirname(at(path)), { recursive: true })
      fs.writeFileSync(at(path), text)
    },
    /** Changes a file that is there, where the change makes a difference. */
    edit(path: string, change: (text: string) => string): void {
      const text = fs.readFileSync(at(path), 'utf8')
      const changed = change(text)
      if (changed !== text) fs.writeFileSync(at(path), changed)
    },
    /** Removes a file or a folder. */
    remove: (path: string) => fs.rmSync(at(path), { recursive: true, force: true }),
    /** Runs a program of an installed package, such as `drizzle-kit/bin.cjs`, in the copy. */
    runPackage: (program: string, args: readonly string[]) =>
      run(folder, process.execPath, [join(modules, program), ...args], stopped.signal),
    run: (file: string, args: readonly string[]) => run(folder, file, args, stopped.signal),
    format: () => run(folder, join(modules, '.bin/biome'), ['check', '--write', '.'], stopped.signal),
    /** Returns the commit that the repository is at. */
    head: async () => (await run(root, 'git', ['rev-parse', 'HEAD'])).trim(),
    /** What differs from the repository. */
    changes: () => compare(root, folder, committed),
    /** Makes the repository the same as the copy. Where that fails, everything is put back. */
    apply(): void {
      const release = onSignals(() => {})
      try {
        applyChanges(root, folder, compare(root, folder, committed))
      } finally {
        release()
      }
    },
    close(): void {
      releaseSignals()
      discard()
    },
  }
}

function onSignals(handle: (signal: NodeJS.Signals) => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, handle)
  return () => {
    for (const signal of signals) process.off(signal, handle)
  }
}

function listFiles(folder: string, root: string): string[] {
  const entries = fs.readdirSync(folder, { withFileTypes: true })
  const files = entries.flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return listFiles(path, root)
    return entry.isFile() ? [relative(root, path).split(sep).join('/')] : []
  })
  return files.sort()
}

function compare(root: string, folder: string, committed: readonly string[]): Change[] {
  const before = new Set(committed)
  const after = listFiles(folder, folder)
  const kept = new Set(after)
  const written = after.flatMap((path): Change[] => {
    if (!before.has(path)) return [{ kind: 'add', path }]
    const isSame = fs.readFileSync(join(root, path)).equals(fs.readFileSync(join(folder, path)))
    return isSame ? [] : [{ kind: 'change', path }]
  })
  const removed = committed.filter(path => !kept.has(path)).map((path): Change => ({ kind: 'remove', path }))
  return [...written, ...removed].sort((a, b) => a.path.localeCompare(b.path))
}

function applyChanges(root: string, folder: string, changes: readonly Change[]): void {
  const obstacle = changes.find(({ kind, path }) => kind === 'add' && fs.existsSync(join(root, path)))
  if (obstacle) {
    throw new UserFacingError(`${obstacle.path} is in the way: git ignores it. Move it, and try again.`)
  }
  const saved = new Map<string, Saved | undefined>()
  try {
    for (const { kind, path } of changes) {
      const target = join(root, path)
      saved.set(path, kind === 'add' ? undefined : save(target))
      if (kind === 'remove') fs.rmSync(target)
      else {
        fs.mkdirSync(dirname(target), { recursive: true })
        fs.copyFileSync(join(folder, path), target)
      }
    }
  } catch (error) {
    // Added files first: they may have filled the disk.
    const order = [...saved].sort(([, a], [, b]) => Number(a !== undefined) - Number(b !== undefined))
    const lost = order.filter(([path, bytes]) => !tryRestore(root, path, bytes)).map(([path]) => path)
    throw withoutStack(error, lost)
  }
  for (const { path } of changes) removeEmptyFolders(root, path)
}

/** Puts a file back. Returns false where it is not what it was. */
function tryRestore(root: string, path: string, saved: Saved | undefined): boolean {
  const target = join(root, path)
  try {
    if (saved === undefined) {
      if (fs.existsSync(target)) fs.rmSync(target)
    } else if (!fs.existsSync(target) || !fs.readFileSync(target).equals(saved.bytes)) {
      fs.writeFileSync(target, saved.bytes, { mode: saved.mode })
    }
    removeEmptyFolders(root, path)
    return true
  } catch {
    return false
  }
}

function save(path: string): Saved {
  return { bytes: fs.readFileSync(path), mode: fs.statSync(path).mode }
}

/** Returns an error of the file system, such as a full disk, as one for people: what it says, and what was changed. */
function withoutStack(error: unknown, lost: readonly string[] = []): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error
  const state =
    lost.length === 0
      ? 'Nothing was changed.'
      : `\`git restore .\` puts back what is still changed: ${lost.join(', ')}.`
  return new UserFacingError(`${error.message}. ${state}`)
}

/** Git has no empty folders: neither has a removed part. */
function removeEmptyFolders(root: string, path: string): void {
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    const full = join(root, folder)
    if (fs.statSync(full, { throwIfNoEntry: false })?.isDirectory()) {
      if (fs.readdirSync(full).length > 0) return
      fs.rmdirSync(full)
    }
  }
}
