/** P30: the version before serves on the new schema, and `npm run db:check-rollout` finds where it does not. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inheritedEnvironment } from '../../harness/environment.ts'
import { createCopy } from '../../test/helpers/repository-copy.ts'
import { ROOT } from '../../test/helpers/service.ts'
import { editJournal } from '../../test/helpers/unsafe-migrations.ts'

/** Starting a database, a checkout and a service takes 5 s, and on a busy host many times that. */
const TIMEOUT_MS = 240_000

/** Runs the command in a checkout, and returns how it ended. */
async function run(args: string[], folder = ROOT) {
  const running = promisify(execFile)(process.execPath, ['checks/rollout/main.ts', ...args], {
    cwd: folder,
    env: { ...inheritedEnvironment(), HOME: folder },
    timeout: TIMEOUT_MS,
  })
  return running.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      code,
      stdout,
      stderr,
    }),
  )
}

type Result = Awaited<ReturnType<typeof run>> & { worktrees: number }

const copies: ReturnType<typeof createCopy>[] = []
afterAll(() => copies.map(copy => copy.remove()))

/** The same in a checkout to which a migration is added that its base does not have. */
async function rollOut(sql?: string): Promise<Result> {
  const copy = createCopy()
  copies.push(copy)
  await copy.commit('the version before')
  if (sql !== undefined) await addMigration(copy.folder, sql)
  const result = await run(['--base', 'HEAD', '--seconds', '2'], copy.folder)
  const worktrees = (await copy.git('worktree', 'list')).trim().split('\n').length
  return { ...result, worktrees }
}

async function addMigration(folder: string, sql: string): Promise<void> {
  const drizzle = join(folder, 'drizzle')
  await editJournal(drizzle, entries => {
    const last = entries.at(-1)
    if (last) entries.push({ ...last, idx: last.idx + 1, when: last.when + 1000, tag: '29990101000000_next' })
  })
  await writeFile(join(drizzle, '29990101000000_next.sql'), sql)
}

const DROP = 'alter table users drop column display_name'

const HARMLESS = `
  alter table users add column nickname text, add column points int not null default 0;
  alter table users alter column display_name type varchar(200), alter column email type varchar(300);
  alter table sessions alter column user_agent type varchar(2000);
  create index on sessions (last_used_at);`

describe('P30: the version before, under load while migrations are applied', () => {
  let dropped: Result
  let harmless: Result
  let same: Result
  // Beside each other: most of the time they wait for processes to start.
  beforeAll(async () => {
    ;[dropped, harmless, same] = await Promise.all([rollOut(DROP), rollOut(HARMLESS), rollOut()])
  }, TIMEOUT_MS)

  it('fails where a column is dropped that it uses, which the command reports by route', () => {
    const { code, stdout } = dropped
    expect(stdout).toContain('To roll out: 29990101000000_next\n')
    expect(stdout).toMatch(/\d+ of \d+ requests failed:/)
    for (const route of ['POST /api/v1/auth/register', 'GET /api/v1/users', 'GET /api/v1/users/me'])
      expect(stdout).toMatch(new RegExp(`\\d+ × ${route}: 500 INTERNAL_ERROR, first \\d+\\.\\d s after`))
    expect(stdout).toMatch(/INTERNAL_ERROR: 42703 errorMissingColumn in src\/modules\/users\//)
    expect(code).toBe(1)
  })

  it('fails no request where columns are added, get another type, and get an index', () => {
    const { code, stdout, stderr } = harmless
    const failed = /\d+ of \d+ requests failed[\s\S]*/.exec(stdout)?.[0]
    expect({ code, stderr, failed }).toEqual({ code: 0, stderr: '', failed: undefined })
    expect(stdout).toMatch(/None of \d{2,} requests failed\./)
    for (const route of ['POST /api/v1/auth/refresh', 'PUT /api/v1/users/:id', 'GET /health/ready'])
      expect(stdout).toMatch(new RegExp(`${route} +[1-9]`))
  })

  it('is run as it is where there is nothing to roll out', () => {
    expect(same.stdout).toContain('There is nothing to roll out')
    expect(same.stdout).toMatch(/None of \d+ requests failed\./)
    expect(same.code).toBe(0)
  })

  it('leaves no checkout behind', () => {
    expect([dropped, harmless, same].map(({ worktrees }) => worktrees)).toEqual([1, 1, 1])
  })

  it.each([
    [[], '--base is missing'],
    [['--base', 'HEAD', '--seconds', '0'], '--seconds takes a whole number'],
    [['--base', 'HEAD', '--users', '1e9'], '--users takes a whole number'],
    [['--base', 'nowhere'], 'there is no git ref "nowhere"'],
    [['--bsae', 'HEAD'], "Unknown option '--bsae'"],
  ])('is not tried with the arguments %j: exit code 2', async (args, message) => {
    expect(await run(args)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(message),
    })
  })
})
