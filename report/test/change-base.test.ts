/** The base of a change: which version it is, and what is said where it cannot be compared with. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RunError } from '../../harness/errors.ts'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { startBase } from '../change/base.ts'
import { moduleIn } from '../change/base-app.ts'
import { failEdited } from '../change/migrations.ts'
import { subtract } from '../change/subtract.ts'
import type { Row, Rows } from '../document/document.ts'
import { openRepository } from '../git.ts'
import { row } from './helpers/sample-report.ts'

const signal = new AbortController().signal

/** Returns a git repository with functions that write, commit and call git in it. */
async function createRepository() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `${SERVICE_ID}-base-test-`)))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  async function git(...args: string[]): Promise<string> {
    const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com']
    return (await promisify(execFile)('git', [...identity, ...args], { cwd: folder })).stdout.trim()
  }
  function write(file: string, text: string): void {
    mkdirSync(join(folder, file, '..'), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  async function commit(file: string, text: string): Promise<string> {
    write(file, text)
    await git('add', '--all')
    await git('commit', '--quiet', '--message', file)
    return git('rev-parse', 'HEAD')
  }
  await git('init', '--quiet', '--initial-branch', 'main')
  return { folder, git, write, commit }
}

describe('the base of a change', () => {
  it('is the last commit that the branches have in common', async () => {
    const { folder, git, commit } = await createRepository()
    const common = await commit('a', '')
    await git('checkout', '--quiet', '-b', 'feature')
    await commit('b', '')
    await git('checkout', '--quiet', 'main')
    await commit('c', '')
    await git('checkout', '--quiet', 'feature')
    const repository = await openRepository(folder, 'main')
    expect(repository?.base).toEqual({ commit: common, ref: 'main', dirty: false })
    expect(await repository?.files()).toEqual([{ path: 'b', change: 'added' }])
  })

  it('cannot be a ref that does not exist, or one of an unrelated history', async () => {
    const { folder, git, commit } = await createRepository()
    await commit('a', '')
    await git('checkout', '--quiet', '--orphan', 'other')
    await commit('b', '')
    await expect(openRepository(folder, 'nowhere')).rejects.toThrow(
      new RunError('there is no git ref "nowhere"'),
    )
    await expect(openRepository(folder, '--help')).rejects.toThrow(
      new RunError('there is no git ref "--help"'),
    )
    await expect(openRepository(folder, 'main')).rejects.toThrow(/^HEAD and main have no commit in common/)
  })
})

describe('a base that cannot be started', () => {
  async function startIn(
    repository: Awaited<ReturnType<typeof createRepository>>,
    start: () => Promise<never>,
  ) {
    const opened = await openRepository(repository.folder, 'HEAD')
    const cleanups: (() => Promise<unknown>)[] = []
    const version = opened?.base ?? { commit: null, dirty: false }
    const ended = startBase({ root: repository.folder }, version, { start, cleanups, signal })
    const message = await ended.catch(error => (error instanceof RunError ? error.message : error))
    for (const cleanup of cleanups) await cleanup()
    expect(await repository.git('worktree', 'list')).not.toContain('\n')
    return message
  }

  it('is named with its reason, and leaves no checkout behind', async () => {
    const repository = await createRepository()
    const commit = await repository.commit('package-lock.json', '{}')
    const before = readdirSync(tmpdir()).filter(name => name.startsWith(`${SERVICE_ID}-base-`)).length
    const message = await startIn(repository, async () => {
      throw new RunError('the service did not start: exited with 1')
    })
    expect(message).toBe(
      `the change cannot be compared with HEAD (${commit.slice(0, 10)}): the service did not start: exited with 1`,
    )
    const after = readdirSync(tmpdir()).filter(name => name.startsWith(`${SERVICE_ID}-base-`)).length
    expect(after).toBe(before)
  })

  it('is named where it has no lockfile, and the head has one', async () => {
    const repository = await createRepository()
    await repository.commit('a', '')
    repository.write('package-lock.json', '{}')
    const message = await startIn(repository, async () => {
      throw new Error('is not called')
    })
    expect(message).toMatch(/^the change cannot be compared with HEAD \([0-9a-f]{10}\): .*package-lock\.json/)
  })
})

describe('the app of another version', () => {
  it('is built where git does not have its module', async () => {
    const { folder, write } = await createRepository()
    const find = () => moduleIn(folder, { module: 'own/dist/app.js#build', ownRoot: 'own' }, signal)
    await expect(find()).rejects.toThrow(
      new RunError('that version has no dist/app.js, and no script "build" that could make it'),
    )
    write('package.json', JSON.stringify({ scripts: { build: 'echo no such type >&2; exit 2' } }))
    await expect(find()).rejects.toThrow(/^npm run build of that version failed: [\s\S]*no such type/)
    write('package.json', JSON.stringify({ scripts: { build: 'true' } }))
    await expect(find()).rejects.toThrow(/did not make dist\/app\.js$/)
    write('package.json', JSON.stringify({ scripts: { build: 'mkdir dist && touch dist/app.js' } }))
    expect(await find()).toBe(join(folder, 'dist/app.js#build'))
  })
})

describe('the migrations of a change', () => {
  const migration = (file: string): Row => ({
    ...row([file, 'Users table']),
    evidence: [{ kind: 'source', file: `drizzle/${file}.sql`, line: 1 }],
  })

  it('fail where the file of one differs from the base, and not for its line ends', async () => {
    const { folder, commit, write } = await createRepository()
    await commit('drizzle/1.sql', 'create table a ();\n')
    await commit('drizzle/2.sql', 'create table b ();\n')
    write('drizzle/1.sql', 'create table a (id int);\n')
    write('drizzle/2.sql', 'create table b ();\r\n')
    write('drizzle/3.sql', 'create table c ();\n')
    const repository = await openRepository(folder, 'HEAD')
    if (!repository) throw new Error('no repository')
    const rows = await failEdited(['1', '2', '3'].map(migration), repository)
    expect(rows.map(({ state, cells }) => [state, cells[1]])).toEqual([
      ['fail', 'Users table (edited since HEAD)'],
      ['pass', 'Users table'],
      ['pass', 'Users table'],
    ])
    expect(rows[0]?.evidence[0]).toMatchObject({ what: 'its file', met: false })
  })

  it('fail where one was removed', () => {
    const rows: Rows = { database: [] }
    subtract(rows, { database: [migration('1')] }, 'main')
    expect(rows.database).toMatchObject([
      { state: 'fail', change: 'removed', cells: ['1', 'Users table (removed)'] },
    ])
  })
})

describe('the measures of a change', () => {
  it('all stay, and those are marked that are the same, new or different', () => {
    const rows: Rows = { security: [row(['CORS']), row(['Limits'], 'fail'), row(['Objects'])] }
    subtract(rows, { security: [row(['CORS']), row(['Limits'])] }, 'main')
    expect(rows.security?.map(({ cells, change, state }) => [cells[0], change, state])).toEqual([
      ['CORS', 'unchanged', 'pass'],
      ['Limits', 'changed', 'fail'],
      ['Objects', 'added', 'pass'],
    ])
    expect(rows.security?.[1]?.evidence.at(-1)).toMatchObject({ what: 'in main', value: 'Limits (pass)' })
  })
})

it('does not call the reason why a section of the base is missing a removed row', () => {
  const rows: Rows = { environment: [row(['PORT', 'Port', 'No'])] }
  subtract(rows, { environment: [{ ...row(['not available', '–', '–']), id: 'not-available' }] }, 'main')
  expect(rows.environment?.map(({ cells, change }) => [cells[0], change])).toEqual([['PORT', 'added']])
})
