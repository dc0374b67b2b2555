/** The configuration: where it is read from, its defaults, and messages with every problem and no value. */
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TSchema } from '@sinclair/typebox'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { createSigningKey } from '../../harness/signing-key.ts'
import { EnvironmentSchema } from '../../src/app.ts'
import {
  ConfigError,
  type Environment,
  isProduction,
  loadConfig,
  readEnvironment,
} from '../../src/config/config.ts'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { modules } from '../../src/modules/index.ts'
import { privateKey, publicKey } from '../helpers/config.ts'
import { ROOT } from '../helpers/service.ts'

const folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-config-`))
afterAll(() => rmSync(folder, { recursive: true }))

const URL = 'postgres://someone@127.0.0.1/some'
const REQUIRED = { DATABASE_URL: URL, JWT_PRIVATE_KEY: privateKey }
const load = (overrides: Environment = {}) => loadConfig({ ...REQUIRED, ...overrides }, modules)

function problemsOf(environment: Environment): string[] {
  try {
    loadConfig(environment, modules)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

const variablesOf = (problems: string[]) => problems.map(problem => problem.split(' ')[0]).sort()

/** A PEM of a key that must not sign tokens, or verify them. */
const keys = {
  weak: generateKeyPairSync('rsa', { modulusLength: 1024 }),
  elliptic: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  edwards: generateKeyPairSync('ed25519'),
}
const privatePem = (name: keyof typeof keys) =>
  keys[name].privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const publicPem = (name: keyof typeof keys) =>
  keys[name].publicKey.export({ type: 'spki', format: 'pem' }).toString()

describe('the configuration', () => {
  it('has a default for every setting except the database and the signing key', () => {
    const config = load()
    expect(config).toMatchObject({
      production: false,
      server: { host: '127.0.0.1', port: 3000, trustProxy: [], corsOrigins: [] },
      shutdown: { drainDelay: 0, timeout: 20_000 },
      log: { level: 'info', format: 'pretty' },
      database: { url: URL, directUrl: URL, connectTimeout: 2000, statementTimeout: 3000 },
      jwt: { accessTokenTtl: 900_000, publicKeys: [] },
      modules: { sessions: { REFRESH_TOKEN_TTL: 14 * 86_400_000, SESSION_TTL: 30 * 86_400_000 } },
      rateLimit: { max: 100, window: 60_000 },
      tracing: { exporter: undefined, sampling: { ratio: 0 } },
    })
    expect(variablesOf(problemsOf({}))).toEqual(['DATABASE_URL', 'JWT_PRIVATE_KEY'])
  })

  it('waits for load balancers and logs in JSON in production', () => {
    const config = load({ NODE_ENV: 'production' })
    expect(config).toMatchObject({
      production: true,
      shutdown: { drainDelay: 5000 },
      log: { format: 'json' },
    })
    expect(load({ NODE_ENV: 'production', DRAIN_DELAY: '0s' }).shutdown.drainDelay).toBe(0)
    expect(load({ DRAIN_DELAY: '1500ms' }).shutdown.drainDelay).toBe(1500)
  })

  it('records traces only where there is a collector', () => {
    expect(load({ OTEL_TRACES_SAMPLER_ARG: '1' }).tracing.sampling.ratio).toBe(0)
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:4318'
    expect(load({ OTEL_EXPORTER_OTLP_ENDPOINT }).tracing.sampling.ratio).toBe(0.1)
    expect(load({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER_ARG: '1' }).tracing.sampling.ratio).toBe(1)
  })

  it('reads lists, numbers and durations of every unit', () => {
    expect(load({ CORS_ORIGINS: 'https://a.example, https://b.example' }).server.corsOrigins).toEqual([
      'https://a.example',
      'https://b.example',
    ])
    expect(load({ TRUST_PROXY: '10.0.0.0/8, ::1' }).server.trustProxy).toEqual(['10.0.0.0/8', '::1'])
    const durations = { '7ms': 7, '7s': 7000, '7m': 420_000, '7h': 25_200_000, '7d': 604_800_000 }
    for (const [RATE_LIMIT_WINDOW, milliseconds] of Object.entries(durations)) {
      expect(load({ RATE_LIMIT_WINDOW }).rateLimit.window).toBe(milliseconds)
    }
  })

  it('refuses a timeout of zero, and one that is too long for a timer', () => {
    for (const wrong of ['0s', '0ms', '25d', '999999h', '1', 's', '-1s', '1.5s', '1 s']) {
      expect(variablesOf(problemsOf({ ...REQUIRED, DATABASE_STATEMENT_TIMEOUT: wrong })), wrong).toEqual([
        'DATABASE_STATEMENT_TIMEOUT',
      ])
    }
    expect(
      load({ DATABASE_STATEMENT_TIMEOUT: '24d', SESSION_TTL: '365d' }).modules.sessions?.SESSION_TTL,
    ).toBe(365 * 86_400_000)
  })

  it('cannot be changed', () => {
    const config = load()
    for (const part of [config, config.server, config.database, config.jwt.publicKeys]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })
})

describe('a wrong configuration', () => {
  it('is reported with one line for each variable, all at once, without their values', () => {
    const names = Object.keys(EnvironmentSchema.properties)
    const anyText = ['HOST', 'JWT_ISSUER', 'JWT_AUDIENCE', 'OTEL_SERVICE_NAME', 'DATA_DIR', 'METRICS_TOKEN']
    const wrong = names.filter(name => !anyText.includes(name))
    const environment = Object.fromEntries(wrong.map(name => [name, `canary ${name.toLowerCase()}`]))
    const problems = problemsOf(environment)
    expect(variablesOf(problems)).toEqual(wrong.sort())
    expect(problems.join('\n')).not.toContain('canary')
    for (const problem of problems) expect(problem).not.toContain('\n')
  })

  it.for([
    ['PORT', '65536'],
    ['PORT', '80.5'],
    ['METRICS_TOKEN', 'too-short'],
    ['DATABASE_URL', 'mysql://127.0.0.1/some'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['TRUST_PROXY', '10'],
    ['TRUST_PROXY', '10/8'],
    ['TRUST_PROXY', '010.0.0.1'],
    ['TRUST_PROXY', '10.1'],
    ['TRUST_PROXY', '0x0a000001'],
    ['TRUST_PROXY', 'true'],
    ['CORS_ORIGINS', 'https://a.example/path'],
    ['CORS_ORIGINS', '*'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.1'],
    ['NODE_ENV', 'prod'],
  ] as const)('names %s for %s', ([name, value]) => {
    expect(variablesOf(problemsOf({ ...REQUIRED, [name]: value }))).toEqual([name])
  })
})

describe('the message of an invalid setting', () => {
  /** Values that break each rule: every keyword of every schema is used. */
  const wrong = [
    '',
    ' ',
    'canary',
    '-1',
    '1.5',
    '99999999999',
    '0s',
    '25d',
    '1 s',
    'x'.repeat(15),
    'https://a/b',
    '*',
  ]
  /** Settings that may be any text except an empty one. */
  const free = ['HOST', 'JWT_ISSUER', 'JWT_AUDIENCE', 'OTEL_SERVICE_NAME', 'DATA_DIR']
  const rules: [string, RegExp][] = [
    ['integer', /^must be an integer from \d+ to \d+: /],
    ['number', /^must be a number from [\d.]+ to [\d.]+: /],
    ['union', /^must be one of [\w/-]+(, [\w/-]+)+: /],
    ['timer', /^must be a number of up to 6 digits and ms, s, m, h or d, from [01]ms to 24d, such as 30s: /],
    ['text', /^must (be|have|begin|name|not|write) /],
  ]

  const properties: Record<string, TSchema> = EnvironmentSchema.properties
  const names = Object.keys(properties)
  const problems = wrong.flatMap(value => problemsOf(Object.fromEntries(names.map(name => [name, value]))))

  it.for(Object.entries(properties))('has the rule and the purpose of %s', ([name, schema]) => {
    const kind = 'anyOf' in schema ? 'union' : schema.format === 'timer' ? 'timer' : schema.type
    const rule = new Map(rules).get(kind === 'string' ? 'text' : kind) as RegExp
    const own = problems.filter(problem => problem.startsWith(`${name} `))
    expect(own.length).toBeGreaterThanOrEqual(free.includes(name) ? 1 : 3)
    for (const problem of own) {
      expect(problem.slice(name.length + 1)).toMatch(rule)
      expect(problem).not.toMatch(/undefined|canary/)
      if (!name.startsWith('JWT_P')) expect(problem).toContain(schema.description)
    }
  })

  it.for([
    ['METRICS_TOKEN', 'short', /^METRICS_TOKEN must have at least 16 characters: /],
    ['PORT', '70000', /^PORT must be an integer from 0 to 65535: /],
    ['NODE_ENV', 'prod', /^NODE_ENV must be one of development, test, production: /],
    [
      'DATABASE_URL',
      'postgres://u:p#q@db/some',
      /^DATABASE_URL must be a URL: write the characters # .* percent-encoded: # is %23/,
    ],
    ['REDIS_URL', 'redis://:p#q@db', /^REDIS_URL .* percent-encoded: # is %23/],
    ['DATABASE_DIRECT_URL', 'postgres://a,b/some', /^DATABASE_DIRECT_URL names several hosts/],
  ] as const)('is for %s=%s', ([name, value, message]) => {
    expect(problemsOf({ ...REQUIRED, [name]: value })).toEqual([expect.stringMatching(message)])
  })
})

it('names a variable whose connection string is refused, for any text, and keeps the text secret', () => {
  const text = fc.string({ unit: fc.constantFrom(...'#/?@[]%^{}:,&= aZ09\u00e9'.split('')), minLength: 4 })
  const name = fc.constantFrom('DATABASE_URL', 'DATABASE_DIRECT_URL', 'REDIS_URL')
  const shape = fc.constantFrom('$', 'postgres://$', 'redis://$', 'postgres://u:$@db/some', 'redis://:$@db')
  fc.assert(
    fc.property(name, text, shape, (variable, secret, around) => {
      const problems = problemsOf({ ...REQUIRED, [variable]: around.replace('$', () => `${secret}canary`) })
      expect(variablesOf(problems)).toEqual(problems.length > 0 ? [variable] : [])
      expect(problems.join()).not.toContain('canary')
    }),
    { numRuns: 150 },
  )
})

describe('the TLS of a connection string', () => {
  const file = join(folder, 'not-a-certificate.pem')
  writeFileSync(file, privateKey)

  it.for(['prefer', 'require', 'verify-ca', 'verify-full'])('is checked in full for %s', mode => {
    const { url } = load({ DATABASE_URL: `postgres://u:p@db.example/some?sslmode=${mode}` }).database
    expect(url).toBe('postgres://u:p@db.example/some?sslmode=verify-full')
  })

  it.for([
    ['sslrootcert=/missing.pem', /sslrootcert that cannot be read \(ENOENT\)/],
    ['sslrootcert=system', /sslrootcert that cannot be read/],
    [`sslrootcert=${folder}`, /EISDIR/],
    [`sslrootcert=${file}`, /sslrootcert that holds no PEM certificate/],
    [`sslkey=${file}`, /both sslcert and sslkey/],
    [`sslcert=${file}&sslkey=${file}`, /sslcert that holds no PEM certificate/],
    ['sslmode=verify-ca&uselibpqcompat=true', /sslrootcert/],
  ] as const)('is refused with a reason: %s', ([query, reason]) => {
    for (const name of ['DATABASE_URL', 'DATABASE_DIRECT_URL']) {
      const problems = problemsOf({
        ...REQUIRED,
        [name]: `postgres://u:canary@db.example/some?${query}`,
        PORT: '-1',
      })
      expect(problems).toEqual(expect.arrayContaining([expect.stringMatching(reason)]))
      expect(variablesOf(problems)).toEqual([name, 'PORT'].sort())
      expect(problems.join()).not.toContain('canary')
    }
  })

  it('gets a warning in production where it is missing, unless the host is this one', () => {
    const warningsFor = (DATABASE_URL: string, others: Environment = {}) =>
      load({ NODE_ENV: 'production', DATABASE_URL, ...others }).warnings
    const plain = [
      'postgres://u:p@db.example/some',
      'postgres://u:p@10.0.0.1:5432/some',
      'postgres://u@[fd00::1]/some',
    ]
    for (const url of plain) {
      expect(warningsFor(url)).toEqual([
        expect.stringMatching(/^DATABASE_URL leads to another host without TLS: /),
      ])
      expect(load({ NODE_ENV: 'development', DATABASE_URL: url }).warnings).toEqual([])
      expect(warningsFor(`${url}?sslmode=disable`)).toEqual([])
      expect(warningsFor(`${url}?sslmode=verify-full`)).toEqual([])
      expect(warningsFor(url, { PGSSLMODE: 'verify-full' })).toEqual([])
      expect(warningsFor(`${url}?sslnegotiation=postgres`)).toHaveLength(1)
      expect(warningsFor(URL, { DATABASE_DIRECT_URL: url })).toEqual([
        expect.stringMatching(/^DATABASE_DIRECT_URL /),
      ])
    }
    const local = ['localhost', '127.0.0.1:5432', '[::1]', '%2Ftmp', '']
    for (const host of local)
      expect(warningsFor(`postgres://${host && `u:p@${host}`}/some`), host).toEqual([])
    expect(warningsFor('postgres:///some?host=/tmp')).toEqual([])
    expect(warningsFor('postgres:///some', { PGHOST: 'db.example' })).toHaveLength(1)
  })
})

describe('a connection string', () => {
  it('gets a warning that names its parameters without an effect, and none of a password', () => {
    const url = 'postgres://u:canary@127.0.0.1/some?channel_binding=require&schema=app&connect_timeout=5'
    for (const NODE_ENV of ['production', 'development']) {
      expect(
        load({ NODE_ENV, DATABASE_URL: url, DATABASE_DIRECT_URL: `${URL}?sslmode=disable` }).warnings,
      ).toEqual(['DATABASE_URL has parameters that do nothing: channel_binding, schema, connect_timeout'])
    }
  })

  it.for(['on', 'REQUIRE', 'allow', 'verify_full'])(
    'without TLS parameters has PGSSLMODE validated: %s',
    mode => {
      const problems = (DATABASE_URL: string) => problemsOf({ ...REQUIRED, DATABASE_URL, PGSSLMODE: mode })
      for (const url of [URL, `${URL}?application_name=x`, `${URL}?sslnegotiation=postgres`])
        expect(problems(url)).toEqual([expect.stringMatching(/^PGSSLMODE must be one of disable, /)])
      for (const own of ['sslmode=disable', 'sslmode=verify-full', 'ssl=0'])
        expect(() => load({ DATABASE_URL: `${URL}?${own}`, PGSSLMODE: mode })).not.toThrow()
    },
  )
})

describe('a key', () => {
  it('may be a PEM, a PEM with escaped line ends, or the path of one', () => {
    const file = join(folder, 'key.pem')
    writeFileSync(file, privateKey)
    const given = [privateKey, privateKey.replaceAll('\n', '\\n'), file]
    const moduli = given.map(
      JWT_PRIVATE_KEY => load({ JWT_PRIVATE_KEY }).jwt.privateKey.export({ format: 'jwk' }).n,
    )
    expect(new Set(moduli).size).toBe(1)
  })

  it('that verifies may be one of several', () => {
    const other = createSigningKey().publicKey
    const file = join(folder, 'keys.pem')
    writeFileSync(file, `${publicKey}${other}`)
    for (const JWT_PUBLIC_KEYS of [
      `${publicKey}${other}`,
      `${publicKey}${other}`.replaceAll('\n', '\\n'),
      file,
    ]) {
      expect(load({ JWT_PUBLIC_KEYS }).jwt.publicKeys).toHaveLength(2)
    }
  })

  it.for([
    ['weak', privatePem('weak')],
    ['of an elliptic curve', privatePem('elliptic')],
    ['of Ed25519', privatePem('edwards')],
    ['public', publicKey],
    ['cut short', privateKey.slice(0, -200)],
    ['no file', join(folder, 'missing.pem')],
    ['a folder', folder],
  ])('that signs is refused where it is %s', ([, JWT_PRIVATE_KEY]) => {
    expect(variablesOf(problemsOf({ ...REQUIRED, JWT_PRIVATE_KEY }))).toEqual(['JWT_PRIVATE_KEY'])
  })

  it.for([
    ['weak', publicPem('weak')],
    ['of an elliptic curve', publicPem('elliptic')],
    ['weak beside a good one', `${publicKey}${publicPem('weak')}`],
    ['private', privateKey],
    ['no file', join(folder, 'missing.pem')],
  ])('that verifies is refused where it is %s', ([, JWT_PUBLIC_KEYS]) => {
    expect(variablesOf(problemsOf({ ...REQUIRED, JWT_PUBLIC_KEYS }))).toEqual(['JWT_PUBLIC_KEYS'])
  })
})

describe('the environment', () => {
  const file = join(folder, '.env')
  writeFileSync(file, 'HOST=192.0.2.1\nPORT=4000\nLOG_LEVEL=\n')

  it('is completed by the file in development, and never in production', () => {
    expect(readEnvironment(file, {})).toEqual({ HOST: '192.0.2.1', PORT: '4000' })
    expect(readEnvironment(file, { NODE_ENV: 'test', PORT: '5000' })).toMatchObject({
      PORT: '5000',
      HOST: '192.0.2.1',
    })
    for (const NODE_ENV of ['production', 'prod']) {
      expect(readEnvironment(file, { NODE_ENV, PORT: '5000' })).toEqual({ NODE_ENV, PORT: '5000' })
    }
    expect(readEnvironment(join(folder, 'missing'), { PORT: '5000' })).toEqual({ PORT: '5000' })
  })

  it('treats an empty variable as one that is not set', () => {
    expect(readEnvironment(file, { PORT: '', REDIS_URL: '' })).toEqual({ HOST: '192.0.2.1' })
  })

  it('counts as production unless it is known to be something else', () => {
    expect([undefined, '', 'development', 'test'].map(NODE_ENV => isProduction({ NODE_ENV }))).not.toContain(
      true,
    )
    expect(['production', 'prod', 'staging'].map(NODE_ENV => isProduction({ NODE_ENV }))).not.toContain(false)
  })
})

describe('.env.example', () => {
  it('lists the variables of the schema', async () => {
    await expect(renderExample()).toMatchFileSnapshot(join(ROOT, '.env.example'))
  })

  it('changes nothing where it is copied as it is', () => {
    expect(readEnvironment(join(ROOT, '.env.example'), {})).toEqual({})
  })

  it('has only values that the schema accepts', () => {
    const example = readFileSync(join(ROOT, '.env.example'), 'utf8')
    const values = Object.fromEntries(
      [...example.matchAll(/^#?([A-Z0-9_]+)=(.+)$/gm)].map(([, name, value]) => [name, value]),
    )
    expect(Object.keys(values).length).toBeGreaterThan(20)
    expect(problemsOf({ ...values, ...REQUIRED })).toEqual([])
  })
})

/** `npx vitest run test/config/config.test.ts -u` writes it. */
function renderExample(): string {
  const required = new Set<string>(EnvironmentSchema.required)
  const variables = Object.entries<TSchema>(EnvironmentSchema.properties).map(
    ([name, { description, default: value }]) =>
      required.has(name) && value === undefined
        ? `# ${description}. Required in production.\n${name}=\n`
        : `# ${description}.\n#${name}=${value ?? ''}\n`,
  )
  return `# Copy this file to .env, which is read in development; production reads its environment alone.
# What is commented out has the value that is shown, or none.

${variables.join('\n')}`
}

describe('a production process without an environment', () => {
  it('generates nothing: it lists every missing and wrong variable, and exits with 1', () => {
    const directory = mkdtempSync(join(folder, 'empty-'))
    writeFileSync(join(directory, '.env'), `DATABASE_URL=${URL}\n`)
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'src/server.ts')], {
      cwd: directory,
      env: { PATH: process.env.PATH, NODE_ENV: 'production', PORT: 'canary' },
      encoding: 'utf8',
      timeout: 20_000,
    })
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(
      stderr
        .trim()
        .split('\n')
        .map(line => line.trim().split(' ')[1]),
    ).toEqual(expect.arrayContaining(['DATABASE_URL', 'JWT_PRIVATE_KEY', 'PORT']))
    expect(stderr.trim().split('\n')).toHaveLength(4)
    expect(stderr).not.toContain('canary')
    expect(readdirSync(directory)).toEqual(['.env'])
  })
})
