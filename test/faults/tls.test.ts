/** TLS to PostgreSQL: the recipes of docs/deployment.md, and each failure, with 503 and one log line with the reason. */
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { SERVICE_ID, SERVICE_NAME } from '../../src/config/service-name.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createAppOn } from '../helpers/app.ts'
import { type Certificate, createAuthority } from '../helpers/certificates.ts'
import { runCommand } from '../helpers/command.ts'
import { startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

const authority = createAuthority()
const stranger = createAuthority()

let folder: string
let server: EmbeddedPostgres
let admin: pg.Pool
let plainUrl: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-tls-`))
  await chmod(folder, 0o755)
  await writeFile(join(folder, 'ca.pem'), authority.certificate)
  await writeFile(join(folder, 'stranger.pem'), stranger.certificate)
  server = await startEmbeddedPostgres({ directory: join(folder, 'postgres'), settings: { fsync: 'off' } })
  await migrate(server.url)
  plainUrl = server.url
  admin = new pg.Pool({ connectionString: server.url, max: 1 })
  admin.on('error', () => {
    // At the end the server may close a connection before the pool has.
  })
  admin.on('error', () => {
    // The connection ends with the server.
  })
  await admin.query(`create role limited login password 'secret'`)
  await present(authority.sign(['localhost', '127.0.0.1']))
})
afterAll(async () => {
  await admin.end()
  await server.remove()
  await rm(folder, { recursive: true })
})

/** Makes the server use a certificate for new connections. */
async function present({ certificate, key }: Certificate): Promise<void> {
  const { rows } = await admin.query('show data_directory')
  const data = rows[0].data_directory
  // Written by the server, which must own its files.
  for (const [name, text] of [
    ['server.crt', certificate],
    ['server.key', key],
  ] as const) {
    await admin.query(`copy (select unnest(string_to_array($$${text}$$, E'\n'))) to '${data}/${name}'`)
    await chmod(join(data, name), 0o600)
  }
  await admin.query('alter system set ssl = on')
  await admin.query('select pg_reload_conf()')
  const { raw } = new X509Certificate(certificate)
  await until('the certificate is in use', async () => (await presented())?.equals(raw) === true)
}

/** Makes the server offer no TLS. */
async function offerNone(): Promise<void> {
  await admin.query('alter system set ssl = off')
  await admin.query('select pg_reload_conf()')
  await until('TLS is off', async () => (await presented()) === undefined)
}

/** The certificate of the server for new connections; undefined where it offers no TLS. */
async function presented(): Promise<Buffer | undefined> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  // SSLRequest, to which the server responds S or N (PostgreSQL's protocol, message formats).
  socket.write(Buffer.from('0000000804d2162f', 'hex'))
  const [response] = await once(socket, 'data')
  if (String(response) !== 'S') {
    socket.destroy()
    return undefined
  }
  const secure = tls.connect({ socket, rejectUnauthorized: false })
  await once(secure, 'secureConnect')
  const certificate = secure.getPeerX509Certificate()?.raw
  secure.destroy()
  return certificate
}

const url = (query: string, host = '127.0.0.1') => `${plainUrl.replace('127.0.0.1', host)}?${query}`
const ca = () => `sslmode=verify-full&sslrootcert=${encodeURIComponent(join(folder, 'ca.pem'))}`
const wrongCa = () => `sslmode=verify-full&sslrootcert=${encodeURIComponent(join(folder, 'stranger.pem'))}`

/** A service on this connection string; what it logged is in `log`. */
async function open(DATABASE_URL: string) {
  const none = { url: DATABASE_URL, drop: async () => {} }
  const service = await createAppOn(none, { LOG_LEVEL: 'info', DATABASE_CONNECT_TIMEOUT: '3s' })
  onTestFinished(service.close)
  return service
}

const login = { email: 'ada@example.com', password: 'correct horse battery staple' }

describe('a connection that succeeds', () => {
  it.for(['127.0.0.1', 'localhost'])('is encrypted and verified with a CA of its own, to %s', async host => {
    const service = await open(url(ca(), host))
    const { rows } = await service.app.database.pool.query(
      'select ssl from pg_stat_ssl where pid = pg_backend_pid()',
    )
    expect(rows).toEqual([{ ssl: true }])
    await expect.poll(async () => (await service.call('GET', '/health/ready')).statusCode).toBe(200)
  })

  it.for(['sslmode=no-verify', 'sslmode=disable', 'sslmode=require&uselibpqcompat=true'])(
    'is made with %s',
    async query => {
      const service = await open(url(query))
      // On a busy machine, a connection may take longer than readiness waits.
      await expect.poll(async () => (await service.call('GET', '/health/ready')).statusCode).toBe(200)
    },
  )
})

describe('a connection that cannot be made', () => {
  /** Asserts 503 for requests that need the database, and one line about the reason. */
  async function expectUnavailable(DATABASE_URL: string, reason: RegExp): Promise<void> {
    const service = await open(DATABASE_URL)
    for (let call = 0; call < 3; call++) {
      const response = await service.call('POST', '/api/v1/auth/login', { body: login })
      expect({ status: response.statusCode, code: response.json().code }).toEqual({
        status: 503,
        code: 'DATABASE_UNAVAILABLE',
      })
    }
    const lines = service.log
      .map(line => JSON.parse(line))
      .filter(({ msg }) => msg.startsWith('cannot connect'))
    expect(lines).toEqual([{ level: 'error', time: expect.any(String), msg: expect.stringMatching(reason) }])
    expect(lines[0].msg).not.toMatch(/\n|secret|postgres:\/\//)
  }

  it('because the CA is another', () =>
    expectUnavailable(url(wrongCa()), /signed by a CA that is trusted.*sslrootcert/))

  it('because the CA is not named', () =>
    expectUnavailable(url('sslmode=require'), /signed by a CA that is trusted.*sslrootcert/))

  it('because the server offers no TLS', async () => {
    await offerNone()
    await expectUnavailable(url(ca()), /does not offer TLS.*sslmode=disable/)
    await present(authority.sign(['localhost', '127.0.0.1']))
  })

  it('because the certificate is for another host, has expired, or is not valid yet', async () => {
    await present(authority.sign(['db.example']))
    await expectUnavailable(url(ca()), /for another host name.*ERR_TLS_CERT_ALTNAME_INVALID/)
    await present(authority.sign(['127.0.0.1'], { from: -2, to: -1 }))
    await expectUnavailable(url(ca()), /has expired.*CERT_HAS_EXPIRED/)
    await present(authority.sign(['127.0.0.1'], { from: 1, to: 2 }))
    await expectUnavailable(url(ca()), /not valid yet.*CERT_NOT_YET_VALID/)
    await present(authority.sign(['localhost', '127.0.0.1']))
  })

  it('because the password, the user or the database is wrong', async () => {
    const as = (text: string, path = '/postgres') =>
      plainUrl.replace(/\/\/[^@]*@/, `//${text}@`).replace(/\/[^/]*$/, path)
    await expectUnavailable(as('limited:wrong'), /password.*28P01/)
    await expectUnavailable(as('unknown-user:secret'), /28P01|28000/)
    await expectUnavailable(as('limited:secret', '/missing'), /no such database.*3D000/)
    await admin.query('alter role limited nologin')
    await expectUnavailable(as('limited:secret'), /28000/)
    await admin.query('alter role limited login')
  })

  it.for<[string, (socket: Socket) => void]>([
    ['it is no PostgreSQL server', socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
    [
      'it resets at the TLS handshake',
      socket => socket.write('S', () => setTimeout(() => socket.resetAndDestroy(), 20)),
    ],
    [
      'it says yes to TLS and then speaks no TLS',
      socket => socket.write('S', () => socket.end('no handshake')),
    ],
    ['it closes at once', socket => socket.destroy()],
  ])('because %s', async ([, response]) => {
    const fake = createServer(socket => {
      socket.on('error', () => {})
      socket.once('data', () => response(socket))
    }).listen(0, '127.0.0.1')
    await new Promise(resolve => fake.once('listening', resolve))
    onTestFinished(() => void fake.close())
    const { port } = fake.address() as { port: number }
    await expectUnavailable(
      `postgres://a:secret@127.0.0.1:${port}/some?${ca()}`,
      /^cannot connect to the database: ./,
    )
  })

  it('and is logged a second time where it could be made in between', async () => {
    const service = await open(url(ca()))
    expect((await service.call('GET', '/health/ready')).statusCode).toBe(200)
    await present(stranger.sign(['127.0.0.1']))
    await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where starts_with(application_name, ${pg.escapeLiteral(SERVICE_NAME)}) and pid <> pg_backend_pid()`,
    )
    await expect
      .poll(() =>
        service.call('POST', '/api/v1/auth/login', { body: login }).then(response => response.statusCode),
      )
      .toBe(503)
    await present(authority.sign(['localhost', '127.0.0.1']))
    await expect
      .poll(() =>
        service.call('POST', '/api/v1/auth/login', { body: login }).then(response => response.statusCode),
      )
      .toBe(401)
    const about = () =>
      service.log
        .map(line => JSON.parse(line).msg)
        .filter(text => /^(cannot connect to|connected to) /.test(text))
    // The revocation feed tries again every half a second.
    await expect
      .poll(about, { timeout: 5000 })
      .toEqual([expect.stringMatching(/^cannot connect/), 'connected to the database again'])
  })
})

describe('a command', () => {
  it.for(['db-migrate', 'user-admin'])('%s prints in one line why it cannot connect', async command => {
    const args = command === 'user-admin' ? ['ada@example.com'] : []
    const result = await runCommand(command, args, { DATABASE_URL: url(wrongCa()) })
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr).toMatch(/^[^\n]*signed by a CA that is trusted[^\n]*\n$/)
  })

  it('prints no warning where sslmode is require', async () => {
    const query = `${ca().replace('verify-full', 'require')}`
    expect(await runCommand('db-migrate', [], { DATABASE_URL: url(query) })).toMatchObject({
      code: 0,
      stderr: '',
    })
  })
})

it('a production start logs that a remote connection is not encrypted', async () => {
  // 192.0.2.0/24 is for documentation (RFC 5737): nothing responds there.
  const service = await startService('postgres://u:secret@192.0.2.1/some', { DATABASE_CONNECT_TIMEOUT: '1s' })
  await service.stop()
  const warnings = service.log.filter(line => line.includes('without TLS'))
  expect(warnings).toEqual([expect.stringContaining('DATABASE_URL leads to another host without TLS')])
  expect(service.errors).toEqual([])
})
