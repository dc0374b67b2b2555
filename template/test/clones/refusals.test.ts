/** What the commands refuse, and what interrupts them, changes nothing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SERVICE_NAME } from '../../../src/config/service-name.ts'
import { problemWithName } from '../../names.ts'
import { copyRepository, createFolder, must } from '../helpers/copy.ts'

const TIMEOUT_MS = 600_000

const ONE_LINE = /^[\x20-\x7e…]+\n$/

it(
  'bad names are one clear line',
  async () => {
    const copy = await copyRepository()
    const taken = ['users', 'audit', 'errors', 'refresh-tokens', 'bench', 'src', 'class', 'select']
    const generated = fc
      .sample(fc.oneof(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^[a-zA-Z./_-]{1,40}$/)), 60)
      .filter(name => !name.startsWith('-') && !name.includes('\0') && problemWithName(name) !== undefined)
    expect(generated.length).toBeGreaterThan(20)
    const odd = ['../x', 'Orders', '', 'größe', 'a'.repeat(300), '$(touch hit)', 'a\nb', "a'b", '.git']
    for (const name of [...taken, ...odd, ...generated.slice(0, 20)]) {
      for (const args of [
        ['new', name],
        ['init', '--name', name],
      ]) {
        if (args[0] === 'init' && !problemWithName(name)) continue
        const { code, stdout, stderr } = await copy.template(...args, '--yes')
        expect({ name, code, stdout }).toEqual({ name, code: 1, stdout: '' })
        expect(stderr).toMatch(ONE_LINE)
      }
    }
    for (const args of [
      ['new', 'samples', '--fields', 'title'],
      ['new', 'samples', '--fields', 'id:uuid'],
      ['init', '--name', SERVICE_NAME],
      ['init', '--name', 'fastify'],
      ['init', '--name', 'orders-api', '--title', '`x`'],
      ['init', '--name', 'orders-api', '--without', 'users'],
      ['init', '--name', 'orders-api', '--without', 'nothing'],
      ['init', '--name', 'orders-api', '--new', 'select'],
      ['remove', '../src'],
      ['remove', 'nothing'],
    ]) {
      const { code, stdout, stderr } = await copy.template(...args, '--yes')
      expect({ args, code, stdout }).toEqual({ args, code: 1, stdout: '' })
      expect(stderr).toMatch(ONE_LINE)
    }
    for (const args of [['nothing'], ['new'], ['remove'], ['init'], ['list', 'x'], ['init', '--nmae', 'x']]) {
      const { code, stderr } = await copy.template(...args, '--yes')
      expect({ args, code }).toEqual({ args, code: 2 })
      expect(stderr).toMatch(ONE_LINE)
    }
    expect(await copy.git('status', '--porcelain')).toBe('')
  },
  TIMEOUT_MS,
)

it(
  'a tree with changes is refused, and a folder without git',
  async () => {
    const copy = await copyRepository()
    writeFileSync(join(copy.folder, 'README.md'), 'mine')
    for (const args of [
      ['init', '--name', 'orders-api'],
      ['new', 'samples'],
      ['remove', 'template'],
    ]) {
      const { code, stderr } = await copy.template(...args, '--yes')
      expect(code).toBe(1)
      expect(stderr).toMatch(/^The working tree has changes: .*\n$/)
    }
    expect(await copy.git('status', '--porcelain')).toBe('M README.md')
    rmSync(join(copy.folder, '.git'), { recursive: true })
    expect(await copy.template('new', 'samples', '--yes')).toMatchObject({
      code: 1,
      stderr: 'This is not a git checkout: run `git init`, commit everything, and try again.\n',
    })
  },
  TIMEOUT_MS,
)

it(
  'a dry run says what would change, and changes nothing',
  async () => {
    const copy = await copyRepository()
    const { stdout } = await must(copy.template('new', 'samples', '--dry-run', '--yes'))
    expect(stdout).toContain('add     src/modules/samples/tables.ts\n')
    expect(stdout).toContain('change  src/modules/index.ts\n')
    expect(await copy.git('status', '--porcelain')).toBe('')
  },
  TIMEOUT_MS,
)

it(
  'a signal at any moment leaves all or nothing, and no other files',
  async () => {
    const copy = await copyRepository()
    const temporary = createFolder()
    const whole = await must(copy.template('new', 'samples', '--dry-run', '--yes'))
    const count = whole.stdout.split('\n').filter(line => /^(?:add|change|remove) /.test(line)).length
    for (const wait of [100, 300, 500, 700, 900, 1100, 1300, 1500]) {
      const child = spawn(
        'sh',
        ['src/process/with-node.sh', '--dev', 'node', 'template/main.ts', 'new', 'samples', '--yes'],
        {
          cwd: copy.folder,
          env: { PATH: process.env.PATH, TMPDIR: temporary },
          stdio: 'ignore',
        },
      )
      const exited = once(child, 'exit')
      await sleep(wait)
      child.kill('SIGINT')
      await exited
      const changed = (await copy.git('status', '--porcelain', '--untracked-files=all'))
        .split('\n')
        .filter(Boolean)
      expect([0, count]).toContain(changed.length)
      expect(readdirSync(temporary).filter(name => name.startsWith('template-'))).toEqual([])
      await copy.git('reset', '--quiet', '--hard')
      await copy.git('clean', '-fdq')
    }
    expect(existsSync(join(copy.folder, 'src/modules/samples'))).toBe(false)
  },
  TIMEOUT_MS,
)
