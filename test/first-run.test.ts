/** The first start on a host with nothing installed, and the starts after it. */
import { execFile } from 'node:child_process'
import { chown, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { canReach } from '../src/db/embedded-host.ts'
import { findServers } from '../src/db/embedded-process.ts'
import { createCheckout } from './helpers/checkout.ts'
import { databaseOfTest } from './helpers/database.ts'
import { createRemote } from './helpers/remote.ts'
import { ROOT } from './helpers/service.ts'

const ORDINARY_USER = { uid: 65_534, gid: 65_534 }
const ENDED_IN_ORDER = { code: 0, signal: null }

async function checkout(...args: Parameters<typeof createCheckout>) {
  const created = await createCheckout(...args)
  onTestFinished(created.remove)
  return created
}

/** Runs the commands that the greeting shows, and returns their responses. */
async function runPrintedCommands(stdout: string): Promise<unknown[]> {
  const commands = stdout.match(/^ +curl [^\n]+\\\n[^\n]+$/gm) ?? []
  const responses: unknown[] = []
  for (const command of commands) {
    const run = await promisify(execFile)('sh', [
      '-c',
      command.replace('curl', 'curl --silent --show-error --fail'),
    ])
    responses.push(JSON.parse(run.stdout))
  }
  return responses
}

const readSelf = async (origin: string, token: string) =>
  (await createRemote(origin).call('GET', '/api/v1/users/me', { token })).status

describe('the first start', () => {
  it('serves, prints its addresses, issues a token, and keeps all data through a restart and a kill -9', async () => {
    // The name has a space. As root, the database's own user cannot enter the folder.
    const { start, folder } = await checkout('first run', 0o700)
    const first = await start()
    for (const [, url = ''] of first.output.stdout.matchAll(/(http:\S+\/(?:docs|health\/\w+))/g)) {
      expect((await fetch(url)).status, url).toBe(200)
    }
    expect(first.output.stdout.match(/http:\S+\/(docs|health\/\w+)/g)).toHaveLength(3)
    const [registered, tokens] = await runPrintedCommands(first.output.stdout)
    expect(registered).toMatchObject({ user: { email: 'ada@example.com' } })
    const { accessToken } = tokens as { accessToken: string }
    expect(await readSelf(first.origin, accessToken)).toBe(200)

    first.child.kill('SIGTERM')
    expect(await first.exited).toEqual(ENDED_IN_ORDER)
    expect(first.output.stderr).toBe('')
    const second = await start()
    expect(await readSelf(second.origin, accessToken)).toBe(200)

    second.child.kill('SIGKILL')
    await second.exited
    const data = join(await realpath(join(folder, '.data/postgres')), 'data')
    const third = await start()
    expect(await readSelf(third.origin, accessToken)).toBe(200)
    expect((await findServers(data)).postmasters).toHaveLength(1)

    third.child.kill('SIGINT')
    expect(await third.exited).toEqual(ENDED_IN_ORDER)
    expect(await findServers(data)).toEqual({ postmasters: [], children: [] })
  })

  it('runs beside another checkout, and reports a taken port or folder in one line with the remedy', async () => {
    const one = await checkout('one')
    const two = await checkout('two')
    const [first, second] = await Promise.all([one.start(), two.start()])
    const user = await createRemote(first.origin).signUp()
    expect(await readSelf(first.origin, user.accessToken)).toBe(200)
    expect(await readSelf(second.origin, user.accessToken)).toBe(401)

    const { port } = new URL(first.origin)
    const onTakenPort = two.run({ PORT: port })
    expect(await onTakenPort.exited).toEqual({ code: 1, signal: null })
    expect(onTakenPort.output).toEqual({
      stdout: '',
      stderr: `Port ${port} is taken. Choose another: PORT=${Number(port) + 1} npm start\n`,
    })

    const inTakenFolder = one.run()
    expect(await inTakenFolder.exited).toEqual({ code: 1, signal: null })
    expect(inTakenFolder.output.stdout).toBe('')
    expect(inTakenFolder.output.stderr).toMatch(/^[^\n]*\.data\/postgres[^\n]*\n$/)
    expect(await readSelf(first.origin, user.accessToken)).toBe(200)
  })

  it('reports an invalid listening address in one line', async () => {
    const { run } = await checkout('one')
    const service = run({ HOST: '192.0.2.1' })
    expect(await service.exited).toEqual({ code: 1, signal: null })
    expect(service.output).toEqual({
      stdout: '',
      stderr: expect.stringMatching(/^Cannot listen on 192\.0\.2\.1[^\n]*\n$/),
    })
  })
})

describe('without development dependencies', () => {
  it('serves with JSON log lines, and warns that pretty lines need a development dependency', async () => {
    const { start } = await checkout('production', 0o755, { forProduction: true })
    const database = await databaseOfTest()
    const { child, exited, output } = await start({ DATABASE_URL: database.url, LOG_FORMAT: 'pretty' })
    child.kill('SIGTERM')
    expect(await exited).toEqual(ENDED_IN_ORDER)
    expect(output.stderr).toBe('')
    const lines = output.stdout.split('\n').filter(line => line.startsWith('{'))
    const warnings = lines.map(line => JSON.parse(line)).filter(({ level }) => level === 'warn')
    expect(warnings.map(({ msg }) => msg)).toEqual([expect.stringMatching(/LOG_FORMAT=pretty.*pino-pretty/)])
  })

  it('reports in one line how to get a database, in the service and in its commands', async () => {
    const { folder, run } = await checkout('production', 0o755, { forProduction: true })
    const service = run()
    expect(await service.exited).toEqual({ code: 1, signal: null })
    expect(service.output.stderr).toMatch(/^The embedded PostgreSQL[^\n]*DATABASE_URL[^\n]*npm ci[^\n]*\n$/)
    const seed = promisify(execFile)(process.execPath, ['src/commands/db-seed.ts'], { cwd: folder })
    await expect(seed).rejects.toMatchObject({ code: 1, stderr: service.output.stderr })
  })
})

// Only root can start a process as another user, and that user must reach the installed packages.
if (
  process.geteuid?.() === 0 &&
  (await canReach(await realpath(join(ROOT, 'node_modules')), ORDINARY_USER))
) {
  describe('an ordinary user', () => {
    it('starts the service without root, and owns the files that it leaves', async () => {
      const { start, folder } = await checkout('first run')
      await chown(folder, ORDINARY_USER.uid, ORDINARY_USER.gid)
      const service = await start({}, ORDINARY_USER)
      const user = await createRemote(service.origin).signUp()
      expect(await readSelf(service.origin, user.accessToken)).toBe(200)
      service.child.kill('SIGTERM')
      expect(await service.exited).toEqual(ENDED_IN_ORDER)
      expect((await stat(join(folder, '.data/postgres/data'))).uid).toBe(ORDINARY_USER.uid)
      expect((await stat(join(folder, '.data/jwt-private-key.pem'))).mode & 0o777).toBe(0o600)
    })
  })
}
