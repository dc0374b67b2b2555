/** The copy in which a command works, where the file system refuses something. */
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { UserFacingError } from '../../src/lib/user-facing-error.ts'
import { openStaging } from '../staging.ts'

let root: string
let temporary: string
const TMPDIR = process.env.TMPDIR

beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), `${SERVICE_ID}-staging-`))
  temporary = fs.mkdtempSync(join(tmpdir(), `${SERVICE_ID}-tmp-`))
  process.env.TMPDIR = temporary
  fs.mkdirSync(join(root, 'node_modules'))
  fs.writeFileSync(join(root, '.gitignore'), 'node_modules\n')
  fs.writeFileSync(join(root, 'run'), 'run', { mode: 0o755 })
  fs.writeFileSync(join(root, 'z'), 'z')
  for (const args of [
    ['init', '--quiet'],
    ['add', '--all'],
    ['-c', 'user.name=x', '-c', 'user.email=x@example.com', 'commit', '--quiet', '-m', 'x'],
  ]) {
    execFileSync('git', args, { cwd: root })
  }
})
afterEach(() => {
  if (TMPDIR === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = TMPDIR
  for (const folder of [root, temporary]) fs.rmSync(folder, { recursive: true, force: true })
})

it('leaves no copy where it cannot be made, and says why in one line', async () => {
  fs.rmSync(join(root, 'z'))
  fs.symlinkSync('nowhere', join(root, 'z'))
  execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.com', 'commit', '-qam', 'x'], {
    cwd: root,
  })
  const error = await openStaging(root).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(UserFacingError)
  expect((error as Error).message).toMatch(/^ENOENT.* Nothing was changed\.$/)
  expect(fs.readdirSync(temporary)).toEqual([])
})

it('puts everything back, modes included, where a change cannot be applied', async () => {
  const staging = await openStaging(root)
  try {
    staging.write('a/new', 'new')
    staging.remove('run')
    staging.write('z', 'changed')
    // A file cannot be made below a file that git ignores.
    staging.write('x/y', 'new')
    fs.writeFileSync(join(root, '.git/info/exclude'), 'x\n')
    fs.writeFileSync(join(root, 'x'), '')
    expect(staging.apply).toThrow(/^EEXIST.* Nothing was changed\.$|^ENOTDIR.* Nothing was changed\.$/)
    expect(execFileSync('git', ['status', '--porcelain'], { cwd: root }).toString()).toBe('')
    expect(fs.statSync(join(root, 'run')).mode & 0o777).toBe(0o755)
    expect(fs.existsSync(join(root, 'a'))).toBe(false)
  } finally {
    staging.close()
  }
})
