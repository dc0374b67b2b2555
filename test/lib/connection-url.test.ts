/** Connection URLs: the drivers read accepted ones as RFC 3986 does, and no password ends early or is quoted. */
import fc from 'fast-check'
import { Redis } from 'ioredis'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { postgresUrlProblem, redisUrlProblem, uselessParameters } from '../../src/lib/connection-url.ts'

/** RFC 3986, appendix B. */
const RFC3986 = /^(([^:/?#]+):)?(\/\/([^/?#]*))?([^?#]*)(\?([^#]*))?(#(.*))?$/

/** The parts of a URL by the expression of the RFC. */
function read(url: string) {
  const [, , , , authority = '', path = ''] = RFC3986.exec(url) ?? []
  const at = authority.lastIndexOf('@')
  const [user = '', ...password] = authority.slice(0, Math.max(at, 0)).split(':')
  const [, host = '', port = ''] = /^(.*?)(?::([0-9]*))?$/.exec(authority.slice(at + 1)) ?? []
  return {
    user: decodeURIComponent(user),
    password: decodeURIComponent(password.join(':')),
    host: decodeURIComponent(host.replace(/^\[(.*)\]$/, '$1')),
    port,
    path: decodeURIComponent(path.slice(1)),
  }
}

/** Characters of names, and others with and without a meaning in URLs. */
const tricky = fc
  .array(
    fc.oneof(
      fc.constantFrom(...'#%^{}|\\ /?@[]:;,=&+$!\'"`<>~.-_\t\n\u00e9\u{1f600}'),
      fc.constantFrom('a', 'Z', '0', '1'),
      fc.constantFrom('%41', '%2F', '%23', '%', '%zz', '%ff', '%C3%A9', '//', '@/', '..', '127.0.0.1'),
    ),
    { maxLength: 8 },
  )
  .map(parts => parts.join(''))
const encoded = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).map(encodeURIComponent)
const part = fc.oneof(tricky, encoded)
const query = fc.constantFrom(
  '',
  '?',
  '?sslmode=verify-full',
  '?sslmode=no-verify&application_name=x',
  '?host=/tmp',
  '?host=%2Ftmp&port=5433',
  '?host=a,b',
  '?user=eve',
  '?options=-c%20search_path%3Dapp',
  '#fragment',
)

/** URLs of every shape around such parts. */
const url = (schemes: string[]) =>
  fc.oneof(
    fc
      .record({
        scheme: fc.constantFrom(...schemes),
        user: part,
        password: part,
        host: part,
        path: part,
        query,
      })
      .map(({ scheme, user, password, host, path, query: search }) =>
        [`${scheme}://`, user && `${user}:${password}@`, host, path && `/${path}`, search].join(''),
      ),
    fc
      .tuple(fc.constantFrom(...schemes), tricky, fc.constantFrom('@127.0.0.1:5432/some', '@[::1]/some', ''))
      .map(([scheme, text, rest]) => `${scheme}://someone:${text}${rest}`),
    fc.string().map(text => `${schemes[0]}://${text}`),
  )

const RUNS = { numRuns: 20_000 }

describe('the URL of a database', () => {
  it('is refused, or read by node-postgres as RFC 3986 does', () => {
    let accepted = 0
    fc.assert(
      fc.property(url(['postgres', 'postgresql']), text => {
        if (postgresUrlProblem(text) !== undefined) return
        accepted++
        const { user, password, host, port, path } = read(text)
        const client = new pg.Client({ connectionString: text, ssl: false })
        const search = new URLSearchParams(text.split('?')[1])
        expect(text).not.toContain('#')
        // node-postgres has defaults for missing parts.
        if (user !== '') expect(client.user).toBe(user)
        if (password !== '') expect(client.password).toBe(password)
        if (host !== '' || search.has('host')) expect(client.host).toBe(search.get('host') ?? host)
        if (port !== '' || search.has('port')) expect(client.port).toBe(Number(search.get('port') ?? port))
        if (path !== '') expect(client.database).toBe(path)
      }),
      RUNS,
    )
    expect(accepted).toBeGreaterThan(500)
  })

  it('may have any user and any password, percent-encoded', () => {
    const any = fc.string({ unit: 'grapheme', minLength: 1 })
    fc.assert(
      fc.property(any, any, (user, password) => {
        const text = `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@db.example:5433/some`
        expect(postgresUrlProblem(text)).toBeUndefined()
        const client = new pg.Client(text)
        expect(client).toMatchObject({ user, password, host: 'db.example', port: 5433, database: 'some' })
      }),
    )
  })

  it.for([...'#/?@[]%^{} \\|"<>`'])('names the remedy for %s in a password', character => {
    for (const password of [
      `se${character}cret`,
      `1${character}secret`,
      `${character}secret`,
      `secret${character}`,
    ]) {
      const problem = postgresUrlProblem(`postgres://someone:${password}@db.example:5432/some`)
      expect(problem, password).toContain('percent-encoded')
      expect(problem, password).not.toContain('cret')
    }
  })

  it.for([
    ['postgres://u:p@one,two/some', /several hosts/],
    ['postgres://u:p@one:5432,two:5433/some', /several hosts/],
    ['postgres://u:p@/some?host=one,two', /several hosts/],
    ['postgres://u:p@db/some?password=q', /must not name password/],
    ['postgres://u:p@db/some?dbname=other', /must not name dbname/],
    ['postgres://u:p@db/some?sslmode=on', /sslmode=disable\|prefer/],
    ['postgres://u:p@db/some?ssl=false', /ssl=true\|1\|0/],
    ['postgres://u:p@db:0/some', /1 to 65535/],
    ['postgres://u:p@db:70000/some', /1 to 65535/],
    ['postgres://u:p@db/a%2Fb', /database without/],
    ['postgres://u:p@db/a/../b', /path/],
    ['postgres://u:%ff@db/some', /UTF-8/],
    ['postgres://u:p@db/some?sslmode=disable&sslnegotiation=direct', /TLS/],
    ['postgres://u:p@db/some?sslmode=verify-full&sslmode=disable', /sslmode in its query once/],
    ['postgres://u:p@/some?host=/tmp&host=/run', /host in its query once/],
    ['postgres://u:p@db/some?SSLMODE=verify-full', /sslmode in small letters/],
    ['postgres://u:p@db/some?Options=-c%20a%3Db', /options in small letters/],
    ['postgres://u%00database%00other:p@db/some', /zero byte/],
    ['postgres://u:p%00@db/some', /zero byte/],
    ['postgres://u:p@db/so%00me', /zero byte/],
    ['postgres://u:p@db/some?options=%00', /zero byte/],
    ['postgres://u:p@db/some?statement_timeout=0', /DATABASE_STATEMENT_TIMEOUT/],
    ['postgres://u:p@db/some?lock_timeout=abc', /DATABASE_LOCK_TIMEOUT/],
    ['postgres://u:p@db/some?idle_in_transaction_session_timeout=0', /DATABASE_IDLE_IN_TRANSACTION_TIMEOUT/],
    ['postgres://u:p@db/some?replication=database', /replication/],
    ['mysql://u:p@db/some', /begin with postgres/],
  ] as const)('is refused with a reason: %s', ([text, reason]) => {
    expect(postgresUrlProblem(text)).toMatch(reason)
  })

  it.for([
    'postgres://u@127.0.0.1/some',
    'postgres://u:p@[::1]:5432/some',
    'postgres:///some?host=/var/run/postgresql',
    'postgres://u:p@/some?host=/var/run/postgresql',
    'postgres://u:p@%2Fvar%2Frun%2Fpostgresql/some',
    'postgresql://u:p:q@db_1.example./some?sslmode=verify-full&sslrootcert=/etc/ca.pem',
    'postgres://db',
  ])('is accepted: %s', text => {
    expect(postgresUrlProblem(text)).toBeUndefined()
  })
})

it('names the parameters of a database URL without an effect, unless they may be secret', () => {
  const of = (query: string) => uselessParameters(`postgres://u:p@db/some?${query}`)
  expect(of('sslmode=require&channel_binding=require&schema=app&application_name=x')).toEqual([
    'channel_binding',
    'schema',
  ])
  expect(of('sslmode=verify-full&sslrootcert=/ca.pem&options=-c%20a%3Db&client_encoding=UTF8')).toEqual([])
  expect(of('s3cr3t&a%20b=c')).toEqual([])
})

describe('the URL of a Redis server', () => {
  it('is refused, or read by ioredis as RFC 3986 does', () => {
    let accepted = 0
    fc.assert(
      fc.property(url(['redis', 'rediss']), text => {
        if (redisUrlProblem(text) !== undefined) return
        accepted++
        const { user, password, host, port, path } = read(text)
        const { options } = new Redis(text, { lazyConnect: true })
        if (user !== '') expect(options.username).toBe(user)
        if (password !== '') expect(options.password).toBe(password)
        if (host !== '') expect(options.host).toBe(host)
        if (port !== '') expect(options.port).toBe(Number(port))
        if (path !== '') expect(options.db).toBe(Number(path))
      }),
      { numRuns: 5000 },
    )
    expect(accepted).toBeGreaterThan(50)
  })

  it.for([...'#/?@[]%^{} '])('names the remedy for %s in a password', character => {
    const problem = redisUrlProblem(`redis://someone:1${character}secret@redis.example:6379/1`)
    expect(problem).toContain('percent-encoded')
    expect(problem).not.toContain('cret')
  })
})
