/** The commands in the documents work as they are written. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { databaseOfTest } from './helpers/database.ts'
import { shellBlocks } from './helpers/documents.ts'
import { startService } from './helpers/service.ts'

const run = promisify(execFile)

describe('the session with curl', () => {
  it.each(['sh', 'bash'])('goes from registration to logout in %s', async shell => {
    const service = await startService((await databaseOfTest()).url)
    onTestFinished(service.stop)
    const [session = ''] = shellBlocks('docs/api.md', 'A session with curl')
    expect(session).toContain('http://127.0.0.1:3000/')

    const script = session.replace('http://127.0.0.1:3000', service.origin)
    // When its input is a socket, as a child's pipe is, bash may act as a remote shell and read its startup files.
    const { stdout, stderr } = await run('sh', ['-c', 'exec "$0" -eu -c "$1" </dev/null', shell, script], {
      timeout: 60_000,
    })

    const [registered = '', profile = '', status, refusal = ''] = stdout.split('\n')
    expect(JSON.parse(registered)).toMatchObject({ user: { email: 'ada@example.com', role: 'user' } })
    expect(JSON.parse(profile)).toMatchObject({ id: expect.any(String), displayName: 'Ada' })
    expect(status).toBe('204')
    expect(JSON.parse(refusal)).toMatchObject({ status: 401, code: 'UNAUTHORIZED' })
    expect(stderr).toBe('')
  })
})

describe('the example of a key', () => {
  it('creates a key that the service signs with', async () => {
    const [commands = ''] = shellBlocks('docs/deployment.md', 'Steps')
    const openssl = commands.split('\n').map(line => line.trim())
    const [makeKey = '', makeToken = ''] = openssl
    const { stdout: key } = await run('sh', ['-c', makeKey.replace(/ -out \S+$/, '')])
    const { stdout: token } = await run('sh', ['-c', makeToken])

    const service = await startService((await databaseOfTest()).url, {
      JWT_PRIVATE_KEY: key,
      METRICS_TOKEN: token.trim(),
    })
    onTestFinished(service.stop)
    const metrics = await fetch(`${service.origin}/metrics`, {
      headers: { authorization: `Bearer ${token.trim()}` },
    })
    expect(metrics.status).toBe(200)
  })
})
