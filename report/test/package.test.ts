/** The package: what is in it, and that it reports an app in the app's own repository, on old and new versions of Node.js. */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import type { Report } from '../document/document.ts'
import { ROOT } from '../generate.ts'
import { lint } from '../lint/lint.ts'
import { rowOf } from './helpers/report.ts'

const run = promisify(execFile)

const FIXTURE = fileURLToPath(new URL('./fixtures/packaged', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-package-`))
const app = join(folder, 'notes-api')
const IDENTITY = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com']
const NODE_20 = await findNode20()

async function findNode20(): Promise<string | undefined> {
  for (const place of new Set((process.env.PATH ?? '').split(delimiter))) {
    const version = await run(join(place, 'node'), ['--version']).catch(() => undefined)
    if (version?.stdout.startsWith('v20.')) return place
  }
  return undefined
}

beforeAll(async () => {
  await run(process.execPath, ['report/package/pack.ts', '--pack-destination', folder], { cwd: ROOT })
  cpSync(FIXTURE, app, { recursive: true })
  writeFileSync(join(app, '.gitignore'), 'node_modules/\n')
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', tarball()]
  await run('npm', install, { cwd: app })
  await run('git', ['init', '--quiet', '--initial-branch', 'main'], { cwd: app })
  await run('git', ['add', '--all'], { cwd: app })
  await run('git', [...IDENTITY, 'commit', '--quiet', '--message', 'first'], { cwd: app })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function tarball(): string {
  return join(folder, readdirSync(folder).find(name => name.endsWith('.tgz')) ?? 'no package')
}

/** Runs the installed command in the app's folder with the Node.js of another folder. */
async function runPackage(nodeFolder: string, args: readonly string[]) {
  const env = { PATH: `${nodeFolder}${delimiter}${process.env.PATH}`, HOME: folder }
  return run(join(app, 'node_modules/.bin/backend-report'), args, { cwd: app, env, timeout: 90_000 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  )
}

function readOut(): { report: Report; markdown: string } {
  const out = join(app, 'backend-report')
  return {
    report: JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')),
    markdown: readFileSync(join(out, 'report.md'), 'utf8'),
  }
}

async function reportApp(nodeFolder: string) {
  const ended = await runPackage(nodeFolder, ['--app', 'src/app.js'])
  expect(ended.stderr).toBe('')
  // The app has no rate limit, for one.
  expect(ended.code).toBe(1)
  const { report, markdown } = readOut()
  expect(lint(markdown)).toEqual([])
  expect(report.feature).toBe('notes-api')
  expect(report.range.head).toEqual({ commit: expect.stringMatching(/^[0-9a-f]{40}$/), dirty: false })
  expect(rowOf(report, 'endpoints', 'GET /notes/:id')?.text).toBe('GET | /notes/:id | Public | Read a note')
  expect(rowOf(report, 'middleware', 'onRequest NameKind')?.text).toContain('NameKind')
  expect(rowOf(report, 'environment', 'BODY_LIMIT')?.text).toContain('BODY_LIMIT')
  expect(rowOf(report, 'files', 'src/app.js')?.text).toContain('Builds an app in JavaScript')
  const packages = report.sections.find(({ id }) => id === 'stack')?.rows.map(({ cells }) => cells[1])
  expect(packages).toContain('Fastify')
  expect(JSON.stringify(report)).not.toContain('node_modules/backend-report')
  const status = await run('git', ['status', '--porcelain'], { cwd: app })
  expect(status.stdout).toBe('')
  return report
}

describe('the packed report', () => {
  it('has compiled modules only, and depends on few packages, in the versions of this repository', async () => {
    const installed = join(app, 'node_modules/backend-report')
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' })
    expect(
      files.filter(name => /(?<!\.d)\.ts$|(^|\/)(test|fixtures|bench|drizzle|modules)(\/|$)/.test(name)),
    ).toEqual([])
    const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    expect(Object.keys(dependencies).length).toBeLessThanOrEqual(8)
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
    for (const [name, version] of Object.entries(dependencies)) {
      expect(packages[`node_modules/${name}`].version, name).toBe(version)
    }
  })

  it('loads no module by an address that the package does not have', () => {
    const installed = join(app, 'node_modules/backend-report/dist')
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' })
    const addresses = files
      .filter(name => name.endsWith('.js'))
      .flatMap(name => {
        const text = readFileSync(join(installed, name), 'utf8')
        return [...text.matchAll(/new URL\('([^']+\.ts)'/g)].map(([, path]) => `${name}: ${path}`)
      })
    // Both are looked for, and may be missing.
    expect(addresses.sort()).toEqual([
      'report/package/installed.js: ../../src/app.ts',
      'report/sections/performance/bench.js: ../../../bench/index.ts',
    ])
  })

  it('exports what a config is written with, and its types', async () => {
    const config =
      "import { defineReport } from 'backend-report'\nexport default defineReport({ shared: ['GET /notes'] })\n"
    writeFileSync(join(folder, 'notes-api/report.config.mjs'), config)
    onTestFinished(() => rmSync(join(folder, 'notes-api/report.config.mjs')))
    const print = "import('./report.config.mjs').then(({ default: config }) => console.log(config))"
    const { stdout } = await run(process.execPath, ['--eval', print], { cwd: app })
    expect(stdout).toBe("{ shared: [ 'GET /notes' ] }\n")
    writeFileSync(join(app, 'wrong.ts'), config.replace('shared', 'unknown'))
    onTestFinished(() => rmSync(join(app, 'wrong.ts')))
    const tsc = [
      join(ROOT, 'node_modules/typescript/bin/tsc'),
      'wrong.ts',
      '--noEmit',
      '--module',
      'nodenext',
    ]
    const checked = run(process.execPath, [...tsc, '--strict', '--types', ''], { cwd: app })
    const errors = await checked.catch(({ stdout }: { stdout: string }) => stdout)
    expect(errors).toMatch(/^wrong\.ts\(2,\d+\): error TS2353: .*'unknown'.*'ReportConfig'\.\n$/)
  })

  it('asks for a module where none is named', async () => {
    const ended = await runPackage(dirname(process.execPath), [])
    expect(ended).toMatchObject({ code: 64, stdout: '' })
    expect(ended.stderr).toBe('report: name the module of your app: backend-report --app src/app.js\n')
  })

  it('reports an app in its own repository, and leaves the checkout clean', async () => {
    const report = await reportApp(dirname(process.execPath))
    expect(report.machine.node).toBe(process.version)
  })

  it('reports the same app on Node.js 20', async context => {
    if (NODE_20 === undefined) return context.skip('there is no Node.js 20 on the PATH')
    const report = await reportApp(NODE_20)
    expect(report.machine.node).toMatch(/^v20\./)
  })

  it('reports a change of the app, in the version that the branch began with and now', async () => {
    const file = join(app, 'src/app.js')
    const route = "  app.get('/tags', { schema: { summary: 'List tags' } }, async () => [])\n  return app\n"
    writeFileSync(file, readFileSync(file, 'utf8').replace('  return app\n', route))
    await run('git', [...IDENTITY, 'commit', '--quiet', '--all', '--message', 'second'], { cwd: app })
    const args = ['--app', 'src/app.js', '--since', 'HEAD~1']
    const ended = await runPackage(dirname(process.execPath), args)
    expect(ended.stderr).toBe('')
    const { report, markdown } = readOut()
    expect(lint(markdown)).toEqual([])
    expect(report.range.base?.ref).toBe('HEAD~1')
    const rows = (id: string) => report.sections.find(section => section.id === id)?.rows ?? []
    expect(rows('endpoints').map(({ id, change }) => [id, change])).toEqual([['GET /tags', 'added']])
    expect(rows('files').map(({ id }) => id)).toEqual(['src/app.js'])
    const same = rows('security').filter(({ change }) => change === 'unchanged')
    expect(same.length).toBeGreaterThan(0)
    const { stdout } = await run('git', ['worktree', 'list'], { cwd: app })
    expect(stdout.trim().split('\n')).toHaveLength(1)
  })

  it('accepts its own Markdown with lint', async () => {
    const ended = await runPackage(dirname(process.execPath), ['lint', 'backend-report/report.md'])
    expect(ended).toMatchObject({ code: 0, stderr: '' })
  })
})
