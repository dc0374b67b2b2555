/** Invalid input: one clear line, an exit code, and nothing left behind. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'
import { copyRepository } from '../../test/helpers/repository-copy.ts'
import { ROOT } from '../generate.ts'
import { loadBench } from '../sections/performance/bench.ts'
import { createOwnTemporary } from './helpers/own-temporary.ts'
import { runReport } from './helpers/run-report.ts'

const { environment: OWN, leftovers, remove } = createOwnTemporary()
afterAll(remove)

const WRONG: Record<string, [args: string[], code: number, message: RegExp]> = {
  'an unknown command': [['publish'], 64, /no command "publish"/],
  'an unknown option': [['--fast'], 64, /--fast/],
  'an unknown section': [['--sections', 'stack,graph'], 64, /no section "graph"; there are: stack/],
  'an invalid date': [['--date', '2026-02-30'], 64, /--date takes a day/],
  'a feature without a name': [['--feature', ' '], 64, /--feature takes a name/],
  'writes to no other app': [['--allow-writes'], 64, /--allow-writes and --yes are for --app/],
  'an unknown ref': [['--since', 'no-such-ref', '--bench', 'none'], 69, /no git ref "no-such-ref"/],
  'a ref that is an option': [['--since=--all', '--bench', 'none'], 69, /no git ref "--all"/],
  'a module that is not there': [['--app', 'no-such-module.ts'], 69, /no module no-such-module.ts/],
  'a module without an app': [
    ['--app', 'report/errors.ts'],
    69,
    /the module exports no Fastify app, no function that builds one/,
  ],
  'a report that is not there': [
    ['verify', 'no-such-report.json'],
    69,
    /there is no file no-such-report.json/,
  ],
  'a command that fixes nothing': [['verify', 'REPORT.md', '--fix'], 64, /--fix belongs to lint/],
  'a file that is not a report': [['verify', 'package.json'], 69, /has schema version none/],
  'a report of a folder': [['verify', 'report'], 69, /report is not a file/],
  'a folder that is a file': [['--out', 'package.json'], 69, /cannot write to package.json \(EEXIST\)/],
  'an operand of a command without operands': [['report', 'x.json'], 64, /options only, not "x.json"/],
  'an operand too many': [['verify', 'a.json', 'b.json'], 64, /"b.json" is one operand too many/],
  'verify without a file': [['verify'], 64, /verify takes the file/],
  'lint without a file': [['lint'], 64, /lint takes a file/],
  'a file that is not there': [['lint', 'no-such-file.md'], 69, /there is no file no-such-file.md/],
}

/** The bench may be removed. Then there is no result to read. */
const WRONG_RESULT: typeof WRONG = {
  'a bench result that is not there': [
    ['--bench', 'no-such-result.json', '--sections', 'performance'],
    69,
    /no result "no-such-result.json"/,
  ],
  'a bench result of another version': [
    ['--bench', 'report/test/fixtures/result-of-another-version.json', '--sections', 'performance'],
    69,
    /has schema version 99/,
  ],
}

const hasBench = (await loadBench()) !== undefined

it.each(Object.entries({ ...WRONG, ...(hasBench && WRONG_RESULT) }))(
  'refuses %s in one line',
  async (_name, [args, code, message]) => {
    const before = leftovers()
    const ended = await runReport(args, ROOT, OWN)
    expect(ended.stderr).toMatch(message)
    expect(ended.stderr.trim().split('\n')).toHaveLength(1)
    expect(ended.code).toBe(code)
    expect(leftovers().filter(name => !before.includes(name))).toEqual([])
  },
)

it('names the route of another app that ends the process', async () => {
  const { folder } = copyRepository()
  const module = join(folder, 'other-app.mjs')
  const fastify = import.meta.resolve('fastify')
  await writeFile(
    module,
    `import Fastify from '${fastify}'\nexport default Fastify().get('/', async () => process.exit(3))\n`,
  )
  const { code, stderr } = await runReport(['--app', module, '--bench', 'none', '--out', folder])
  expect(stderr).toMatch(/^report: the app ended during GET \/: .*\n$/)
  expect(code).toBe(69)
}, 60_000)

it('reports that a folder is not a git repository', async () => {
  const { folder } = copyRepository()
  const { code, stderr } = await runReport(['--bench', 'none'], folder)
  expect([code, stderr]).toEqual([
    69,
    'report: this is not a git repository, so its commit and files are not known\n',
  ])
})

it('quotes a service that does not start, and leaves neither process nor folder behind', async () => {
  const copy = copyRepository()
  await copy.edit('src/app.ts', 'await app.register(parserErrors)', "throw new Error('the roof is on fire')")
  await copy.commit('broken')
  const before = leftovers()
  const { code, stderr } = await runReport(['--bench', 'none'], copy.folder, OWN)
  expect(code).toBe(69)
  expect(stderr).toMatch(/the service did not start: [\s\S]*the roof is on fire/)
  expect(leftovers().filter(name => !before.includes(name))).toEqual([])
})

it.each([200, 1000, 2500])(
  'stops everything that it started when it is interrupted after %i ms',
  async delay => {
    const before = leftovers()
    const child = spawn(process.execPath, ['report/main.ts', '--bench', 'none'], {
      cwd: ROOT,
      stdio: 'ignore',
      env: { ...process.env, ...OWN },
    })
    const exited = once(child, 'exit')
    await sleep(delay)
    child.kill('SIGINT')
    const [code] = await exited
    // Until Node.js has loaded the report, the signal ends the process, and nothing has been started.
    expect([130, null]).toContain(code)
    expect(leftovers().filter(name => !before.includes(name))).toEqual([])
  },
)
