/** Facts that are stated in two places agree: commands, error codes, migrations, versions, first sentences of files. */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { SERVICE_ID } from '../src/config/service-name.ts'
import { errors } from '../src/http/errors.ts'
import { modules } from '../src/modules/index.ts'
import { documentPaths, readDocument, scriptsIn } from './helpers/documents.ts'
import { catalogue } from './helpers/problems.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FOLDERS = [
  '.ci',
  '.github',
  'bench',
  'checks',
  'docs',
  'drizzle',
  'harness',
  'report',
  'src',
  'template',
  'test',
]

/** Lowest versions: earlier ones have known vulnerabilities, or lack behaviour that the service depends on. */
const FLOORS: Record<string, string> = {
  fastify: '5.12.8',
  'fast-jwt': '6.3.6',
  '@fastify/rate-limit': '11.2.0',
  'find-my-way': '9.7.0',
  'fast-uri': '3.1.7',
  'drizzle-orm': '0.45.2',
  '@fastify/static': '10.1.1',
}

/** The codes for statuses that Fastify and Node.js send themselves. */
const BY_STATUS = ['REQUEST_TIMEOUT', 'PAYLOAD_TOO_LARGE', 'HEADERS_TOO_LARGE', 'INTERNAL_ERROR']

async function read(path: string): Promise<string> {
  return readFile(join(ROOT, path), 'utf8')
}

/** Returns the files of a folder, without installed packages. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const nested = entries
    .filter(entry => entry.isDirectory() && !/^(node_modules|\.installing-.*)$/.test(entry.name))
    .map(entry => filesIn(join(folder, entry.name)))
  const own = entries.filter(entry => entry.isFile()).map(entry => relative(ROOT, join(folder, entry.name)))
  return [...own, ...(await Promise.all(nested)).flat()]
}

/** Returns the paths of the repository's own files: those of its folders, and those of its root. */
async function ownFiles(): Promise<string[]> {
  const top = await readdir(ROOT, { withFileTypes: true })
  const folders = top.filter(entry => entry.isDirectory() && FOLDERS.includes(entry.name))
  const inFolders = await Promise.all(folders.map(({ name }) => filesIn(join(ROOT, name))))
  const inRoot = top.filter(entry => entry.isFile() && entry.name !== '.env' && entry.name !== '.git')
  return [...inRoot.map(({ name }) => name), ...inFolders.flat()].sort()
}

async function sources(folder: RegExp): Promise<[path: string, text: string][]> {
  const paths = (await ownFiles()).filter(path => path.endsWith('.ts') && folder.test(path))
  return Promise.all(paths.map(async (path): Promise<[string, string]> => [path, await read(path)]))
}

describe('the documents', () => {
  const contributing = readDocument('CONTRIBUTING.md')

  it('list every command, and name no other', async () => {
    const { scripts } = JSON.parse(await read('package.json'))
    const named = documentPaths().flatMap(path => scriptsIn(readDocument(path)))
    expect([...new Set(named)].sort()).toEqual(Object.keys(scripts).sort())
    const [, table = ''] = contributing.split('\n## Commands\n')
    for (const name of Object.keys(scripts)) {
      const command = name === 'start' || name === 'test' ? `npm ${name}` : `npm run ${name}`
      expect(table).toContain(`| \`${command}\` |`)
    }
  })

  it('list every folder', async () => {
    const [, layout = ''] = /## Layout\n\n```\n([\s\S]*?)```/.exec(contributing) ?? []
    const named = layout.split('\n').flatMap(line => /^[\w./]+/.exec(line) ?? [])
    expect(named.length).toBeGreaterThan(5)
    const files = await ownFiles()
    for (const path of named)
      expect(
        files.some(file => file.startsWith(path)),
        path,
      ).toBe(true)
    // Each folder of the root and of src/ has its line.
    const folders = files.flatMap(file => /^(src\/\w+|\w+)\//.exec(file)?.[0] ?? [])
    for (const folder of new Set(folders))
      expect(
        named.some(path => path.startsWith(folder)),
        folder,
      ).toBe(true)
  })
})

describe('the errors', () => {
  it('are each thrown, looked up by code, or used for a status of the framework', async () => {
    const files = (await sources(/^src\//)).filter(
      ([path]) => !/\/errors\.ts$|^src\/http\/openapi\.ts$/.test(path) || path === 'src/db/errors.ts',
    )
    // A code that a route documents may still never be sent.
    const code = files.map(([, text]) => text.replaceAll(/errorCodes: [^\n]*/g, '')).join('\n')
    const classes = [errors, ...modules.map(module => module.errors ?? {})].flatMap(group =>
      Object.entries(group),
    )
    const unused = classes.filter(([name, ErrorClass]) => {
      const entry = new ErrorClass().code
      return (
        !new RegExp(`[eE]rrors\\.${name}\\(`).test(code) &&
        !code.includes(`'${entry}'`) &&
        !BY_STATUS.includes(entry)
      )
    })
    expect(unused.map(([name]) => name)).toEqual([])
    for (const entry of BY_STATUS.map(catalogue.find))
      expect(catalogue.forStatus(entry?.status ?? 0)).toBe(entry)
  })
})

describe('every file', () => {
  it('begins with a sentence that says what it is for', async () => {
    const silent = (await sources(/./)).filter(
      ([, text]) => !/^\/\*\* [^\n]+[.:] ?[^\n]*\*\/\n|^\/\*\*\n/.test(text),
    )
    expect(silent.map(([path]) => path)).toEqual([])
  })

  it('contains no absolute path of a machine', async () => {
    const texts = await Promise.all((await ownFiles()).map(async path => [path, await read(path)] as const))
    const rooted = texts.flatMap(([path, text]) =>
      [...text.matchAll(/(?<![\w.$}/])\/(?:home|Users|root|work|tmp)\/[\w-]+/g)].map(
        ([found]) => `${path}: ${found}`,
      ),
    )
    expect(rooted).toEqual([])
  })
})

const LOCKFILES = (await ownFiles()).filter(path => /(^|\/)package-lock\.json$/.test(path))

describe.each(LOCKFILES)('the lockfile %s', lockfile => {
  it('has names and hashes of packages, and no download address', async () => {
    const { packages } = JSON.parse(await read(lockfile)) as { packages: Record<string, { link?: boolean }> }
    // The root, the workspaces and the links to them are in the repository itself.
    const installed = Object.entries(packages).filter(
      ([path, { link }]) => path.includes('node_modules/') && !link,
    )
    expect(installed.filter(([, entry]) => 'resolved' in entry).map(([path]) => path)).toEqual([])
    expect(installed.filter(([, entry]) => !('integrity' in entry)).map(([path]) => path)).toEqual([])
  })

  it.each(Object.entries(FLOORS))('has no %s below %s', async (name, floor) => {
    const { packages } = JSON.parse(await read(lockfile)) as {
      packages: Record<string, { version: string }>
    }
    const found = Object.entries(packages).filter(([path]) => path.endsWith(`node_modules/${name}`))
    for (const [path, { version }] of found) {
      expect(
        version.localeCompare(floor, 'en', { numeric: true }),
        `${path} ${version}`,
      ).toBeGreaterThanOrEqual(0)
    }
    // @fastify/static is a dependency of a dependency, and the bench has few of these packages.
    if (name !== '@fastify/static' && lockfile === 'package-lock.json') expect(found).not.toEqual([])
  })
})

it('Dependabot has an entry for each lockfile and for the image', async () => {
  const { updates } = parse(await read('.github/dependabot.yml')) as {
    updates: { 'package-ecosystem': string; directory: string; groups: object }[]
  }
  const folders = (await ownFiles()).flatMap(path => /^(.*?)\/?package-lock\.json$/.exec(path)?.[1] ?? [])
  const watched = updates.filter(update => update['package-ecosystem'] === 'npm')
  expect(watched.map(({ directory }) => directory).sort()).toEqual(folders.map(path => `/${path}`).sort())
  expect(updates.map(update => update['package-ecosystem'])).toContain('docker')
  for (const update of updates) expect(Object.keys(update.groups ?? {})).not.toEqual([])
})

it('the service imports development dependencies only where they are optional', async () => {
  const { devDependencies } = JSON.parse(await read('package.json')) as {
    devDependencies: Record<string, string>
  }
  const found = (await sources(/^src\//)).flatMap(([path, text]) => {
    const names = [...text.matchAll(/(?:from|import|import\()\s*'((?:@[^/']+\/)?[^/']+)/g)]
    return names
      .filter(([, name = '']) => name in devDependencies)
      .map(([statement]) => `${path}: ${statement}`)
  })
  expect(found).toEqual([
    "src/commands/db-seed.ts: import('cli-progress",
    "src/observability/pretty-log.ts: import('pino-pretty",
  ])
})

describe('the pinned Node.js', () => {
  // The packages do not declare it; npm reads it from the lockfile, and npm 10 drops it when it rewrites the file.
  it('is installed only with glibc: it does not run with musl', async () => {
    const { packages } = JSON.parse(await read('package-lock.json'))
    const ours = Object.keys(packages).filter(path => /^node_modules\/node-linux-\w+$/.test(path))
    expect(ours).toHaveLength(2)
    for (const path of ours) expect(packages[path], path).toMatchObject({ libc: ['glibc'] })
  })

  it('runs every script and replaces the shell, which npm sends its signals to', async () => {
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> }
    const commands = Object.values(scripts).flatMap(script => {
      const parts = script.split(' && ')
      return parts.filter(part => /\bnode /.test(part)).map(part => ({ part, isOnly: parts.length === 1 }))
    })
    expect(commands.length).toBeGreaterThan(5)
    for (const { part, isOnly } of commands) {
      expect(part).toMatch(
        isOnly
          ? /^exec sh src\/process\/with-node\.sh (?:--dev )?node /
          : /^sh src\/process\/with-node\.sh node /,
      )
    }
  })
})

describe('the migrations', () => {
  it('match the schema: there is nothing to generate', async () => {
    // A copy, so that the real folder stays as it is.
    const out = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-drift-`))
    onTestFinished(() => rm(out, { recursive: true }))
    await cp(join(ROOT, 'drizzle'), out, { recursive: true })
    const drizzleKit = join(ROOT, 'node_modules/drizzle-kit/bin.cjs')
    const args = [
      drizzleKit,
      'generate',
      '--dialect=postgresql',
      '--schema=./src/modules/*/tables.ts',
      `--out=${relative(ROOT, out)}`,
    ]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT })
    expect(stdout).toContain('No schema changes')
    expect(await readdir(out)).toEqual(await readdir(join(ROOT, 'drizzle')))
  })

  it('are in the order of the journal, one file each', async () => {
    const { entries } = JSON.parse(await read('drizzle/meta/_journal.json')) as {
      entries: { idx: number; when: number; tag: string }[]
    }
    const files = (await readdir(join(ROOT, 'drizzle'))).filter(name => name.endsWith('.sql')).sort()
    expect(entries.map(({ tag }) => `${tag}.sql`)).toEqual(files)
    // Their times increase too: a migration that is merged late is generated again, so that it comes last.
    const times = entries.map(({ when }) => when)
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })
})

describe('the CI workflow', () => {
  it('runs the script that every developer can run', async () => {
    const { jobs } = parse(await read('.github/workflows/ci.yml'))
    expect(jobs.test.steps.map(({ run }: { run?: string }) => run)).toContain('.ci/run')
  })

  it('installs what the script needs and the image lacks', async () => {
    const onImage = ['chromium', 'openssl']
    const asked = [...(await read('.ci/run')).matchAll(/missing\+=\(([\w-]+)\)/g)].map(([, name]) => name)
    const [, installed = ''] =
      /apt-get install [^\n]*--no-install-recommends ([^\n]+)/.exec(await read('.github/workflows/ci.yml')) ??
      []
    expect([...installed.split(' '), ...onImage].sort()).toEqual(asked.sort())
  })
})
