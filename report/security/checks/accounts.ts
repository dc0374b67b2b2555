/** Security checks of accounts: how passwords are stored, which are refused, and whether accounts can be found out. */
import { fact } from '../../document/evidence.ts'
import { NotVerified } from '../../errors.ts'
import type { Client } from '../../http.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { isPublic } from '../../routes.ts'
import type { Api } from '../../service/api.ts'
import { bodyProperties, IDENTITY } from '../../service/roles.ts'
import type { Actor } from '../actors.ts'
import type { Expectations, ServiceCheck, ServiceContext } from '../check.ts'
import { comparable, differenceOf, valuesOf } from '../comparable.ts'
import { columnsOf, rowsWith, tablesOf } from '../rows.ts'

/** OWASP Password Storage Cheat Sheet, argon2id: the least memory in KiB by the number of iterations. */
const MIN_MEMORY: Record<number, number> = { 1: 47_104, 2: 19_456, 3: 12_288, 4: 9216, 5: 7168 }

export const passwordHashing: ServiceCheck = {
  id: 'password-hashing',
  rank: 240,
  claim: 'Passwords hashed with argon2id (m={m} KiB, t={t}, p={p})',
  source: 'ASVS 5.0 §11.4.2, OWASP Password Storage Cheat Sheet',
  needs: 'service',
  async run({ expect, actors, api, internals: { query }, sweep }) {
    const [actor, changed] = await Promise.all([actors.user(), actors.user()])
    const body = api.body(api.route('changePassword'), changed)
    const done = await changed.client.call(...api.to('changePassword'), { token: changed.accessToken, body })
    if (done.status >= 300) throw new NotVerified(`the response to a password change was ${done.status}`)
    // By then there are accounts by all ways that the API has.
    await sweep()
    const tables = tablesOf(await columnsOf(query))
    const rows = (
      await rowsWith(query, tables, ['$argon2', '$2a$', '$2b$', '$2y$', '$scrypt', '$pbkdf2'])
    ).concat(
      (await rowsWith(query, tables, [actor.id, changed.id])).filter(({ row }) => hashesIn(row).length > 0),
    )
    const own = rows.find(({ row }) => row.id === actor.id && hashesIn(row).length > 0)
    if (!own) {
      expect.fact('a hash in the row of an account', 'none', 'a hash that names its algorithm', false)
      return {}
    }
    const hashes = [...new Set(rows.flatMap(({ row }) => hashesIn(row)))]
    const weak = hashes.flatMap(hash => weaknessOf(hash) ?? [])
    expect.note(fact('hashes', 'those of all accounts of this report'))
    expect.fact('weak hashes', [...new Set(weak)].join(', ') || 'none', 'none', weak.length === 0)
    const isSalted =
      hashes.length >=
      new Set(rows.filter(({ row }) => hashesIn(row).length > 0).map(({ row }) => row.id)).size
    expect.fact('hashes of different accounts', isSalted ? 'different' : 'equal', 'different', isSalted)
    const plain = await rowsWith(query, tables, [
      ...actors.issued.passwords,
      ...Object.values(body).map(String),
    ])
    const found = [...new Set(plain.map(({ table }) => table))].join(', ')
    expect.fact('tables with a password', found || 'none', 'none', plain.length === 0)
    const { m = '0', t = '0', p = '0' } = parametersOf(hashesIn(own.row)[0] ?? '')
    return { m, t, p }
  },
}

const HASH = /^\$(argon2\w+|2[aby]|scrypt|pbkdf2[\w-]*)\$/

function hashesIn(row: Record<string, unknown>): string[] {
  return Object.values(row).filter((value): value is string => typeof value === 'string' && HASH.test(value))
}

function parametersOf(hash: string): Record<string, string> {
  const [, list = ''] = /^\$argon2\w+\$v=19\$([^$]+)\$/.exec(hash) ?? []
  return Object.fromEntries(list.split(',').map(pair => pair.split('=')))
}

/** Returns why a hash is too weak; undefined where it is not. */
function weaknessOf(hash: string): string | undefined {
  if (!hash.startsWith('$argon2id$v=19$')) return 'not argon2id'
  const { m = '0', t = '0' } = parametersOf(hash)
  const minMemory = MIN_MEMORY[Math.min(Number(t), 5)] ?? Number.POSITIVE_INFINITY
  if (!(Number(m) >= minMemory)) return `m=${m},t=${t} is below what OWASP requires`
  // RFC 9106 §3.1 allows a tag of 4 bytes, which can be guessed.
  const lengths = hash
    .split('$')
    .slice(-2)
    .map(part => Buffer.from(part, 'base64').length)
  const isLong = lengths.length === 2 && lengths.every(length => length >= 16)
  return isLong ? undefined : `${lengths.join(' and ')} bytes of salt and hash`
}

export const weakPasswords: ServiceCheck = {
  id: 'password-policy',
  rank: 250,
  claim: 'Short and common passwords refused',
  source: 'ASVS 5.0 §6.2.1, §6.2.4',
  needs: 'service',
  async run({ expect, actors, api, http }) {
    const attempts = {
      'seven characters': 'aB3$xY7',
      'a common password': 'password123',
      'a common password in capitals': 'PASSWORD123',
    }
    const client = http.client()
    const actor = await actors.user()
    for (const [sent, password] of Object.entries(attempts)) {
      const body = api.body(api.route('register'), { email: actors.newEmail(), password })
      expect.status(await client.call(...api.to('register'), { sent, body }), 400)
      const change = await actor.client.call(...api.to('changePassword'), {
        sent: `${sent} in place of a good one`,
        body: api.body(api.route('changePassword'), actor, { newPassword: password }),
        token: actor.accessToken,
      })
      expect.status(change, 400)
    }
  },
}

export const enumerationByBody: ServiceCheck = {
  id: 'enumeration-body',
  rank: 260,
  claim: 'No account enumeration by the responses of public routes that take an address ({count} routes)',
  source: 'ASVS 5.0 §6.3.8',
  needs: 'service',
  async run(context) {
    const { expect, actors, api, http, routes } = context
    const known = await actors.user()
    const disabled = await disabledUser(context)
    const control = await http
      .client()
      .call(...api.to('login'), { body: api.body(api.route('login'), known) })
    if (control.status >= 300) throw new NotVerified(`the response to an honest login was ${control.status}`)
    const open = routes.filter(
      route => isPublic(route) && bodyProperties(route).some(name => IDENTITY.test(name)),
    )
    const people = { 'a known account': known, ...(disabled && { 'a disabled account': disabled }) }
    for (const route of open) {
      if (route === api.found.register) await compareRegistrations(context, people)
      else await compareAttempts(context, route, people)
    }
    expect.note(fact('routes', open.map(({ method, url }) => `${method} ${url}`).join(', ')))
    return { count: String(open.length) }
  },
}

type Context = ServiceContext & { expect: Expectations }

/** Returns an account that an admin has disabled; undefined where no account can be. */
async function disabledUser({ actors, api }: Context): Promise<Actor | undefined> {
  if (!api.found.disable || !api.config.promote) return undefined
  const [admin, user] = await Promise.all([actors.admin(), actors.user()])
  const done = await admin.client.call(...api.to('disable', user.id), { token: admin.accessToken })
  if (done.status >= 300) throw new NotVerified(`the response to disabling an account was ${done.status}`)
  return user
}

/** Expects the same whole response for each of the accounts as for an account that does not exist. */
async function compareAttempts(
  { expect, actors, api, http }: Context,
  route: ObservedRoute,
  people: Record<string, Actor>,
): Promise<void> {
  const send = (sent: string, path: string, body: unknown) =>
    http.client().call(route.method, path, { sent, body })
  const queries = route === api.found.login ? ['', '?cookie=true'] : ['']
  const attempts: Record<string, (email: string) => Record<string, unknown>> = {
    'a wrong password': email => api.body(route, { email, password: 'not the password' }),
    'a long password': email => api.body(route, { email, password: LONG_PASSWORD }),
    'the address in capitals': email =>
      api.body(route, { email: email.toUpperCase(), password: 'not the password' }),
    'an empty password': email => api.body(route, { email, password: '' }),
  }
  for (const [sent, bodyFor] of Object.entries(attempts)) {
    for (const query of queries) {
      const stranger = actors.newEmail()
      const unknown = await send(`${sent}, an unknown account`, `${route.url}${query}`, bodyFor(stranger))
      const expected = comparable(unknown, [stranger, stranger.toUpperCase()])
      for (const [who, { email }] of Object.entries(people)) {
        const response = await send(`${sent}, ${who}`, `${route.url}${query}`, bodyFor(email))
        if (response.status === 429 || response.status === 503)
          throw new NotVerified(`the response to an attempt was ${response.status}`)
        const difference = differenceOf(comparable(response, [email, email.toUpperCase()]), expected)
        const is = 'the whole response that an unknown account gets'
        expect.response(
          response,
          difference === undefined ? is : `${is}; not: ${difference}`,
          difference === undefined,
        )
      }
    }
  }
}

/** Expects the same whole response to the registration of a taken address as to that of a free one. */
async function compareRegistrations(
  { expect, actors, api, http }: Context,
  people: Record<string, Actor>,
): Promise<void> {
  const register = (sent: string, email: string) =>
    http.client().call(...api.to('register'), {
      sent,
      body: api.body(api.route('register'), { email, password: 'tidal-ember-47-quartz' }),
    })
  const free = actors.newEmail()
  const created = await register('an address that is free', free)
  if (created.status >= 300)
    throw new NotVerified(`the response to an honest registration was ${created.status}`)
  for (const [who, { email }] of Object.entries(people)) {
    const taken = await register(`the address of ${who}`, email)
    const difference = differenceOf(comparable(taken, [email]), comparable(created, [free]))
    const is = 'the whole response that a free address gets'
    expect.response(
      taken,
      difference === undefined ? is : `${is}; not: ${difference}`,
      difference === undefined,
    )
    const again = await register(`the address of ${who} again`, email)
    const isNew = !valuesOf(again).some(value => valuesOf(taken).includes(value))
    expect.response(again, 'other ids and times than before', isNew)
  }
}

const LONG_PASSWORD = 'tidal-ember-quartz-'.repeat(6)

/** 8 pairs show the difference of one password hash. More follow where the machine was too busy. */
const TIMED_PAIRS = [8, 16, 48]

/** A login without a password hash takes a tenth of the time of one with. */
const MAX_RATIO = 2

export const enumerationByTime: ServiceCheck = {
  id: 'enumeration-time',
  rank: 270,
  claim: 'No account enumeration by the time that a login or a registration takes ({count} comparisons)',
  source: 'ASVS 5.0 §6.3.8',
  needs: 'service',
  isAlone: 'measures',
  async run(context) {
    const { expect, actors, api, http } = context
    const { email } = await actors.user()
    const disabled = await disabledUser(context)
    // Each from a new address, so that no limit applies.
    const logIn = (find: () => string, password: string) => () =>
      timeLogin(api, http.client(), find(), password)
    const register = (find: () => string) => () => timeRegistration(api, http.client(), find())
    const { newEmail } = actors
    const wrong = 'not the password'
    const comparisons: Record<string, Timed> = {
      'a login to a known and an unknown account': [logIn(() => email, wrong), logIn(newEmail, wrong)],
      'the same, with a long password': [logIn(() => email, LONG_PASSWORD), logIn(newEmail, LONG_PASSWORD)],
      'a registration of a taken and a free address': [register(() => email), register(newEmail)],
      ...(disabled && {
        'a login to a disabled and an unknown account': [
          logIn(() => disabled.email, wrong),
          logIn(newEmail, wrong),
        ],
      }),
    }
    for (const [what, timed] of Object.entries(comparisons)) {
      const { ratio, samples } = await compareUntilSimilar(timed)
      const met = isSimilar(ratio)
      expect.fact(`the times of ${what}`, met ? 'similar' : 'different', `a ratio below ${MAX_RATIO}:1`, met)
      const measured = `${what}, ratio of lower quartiles`
      expect.note({ kind: 'measurement', what: measured, unit: 'ratio', value: ratio, samples })
    }
    return { count: String(Object.keys(comparisons).length) }
  },
}

type Timed = [() => Promise<number>, () => Promise<number>]

async function compareUntilSimilar(timed: Timed): Promise<{ ratio: number; samples: number }> {
  let ratio = 0
  let samples = 0
  for (const pairs of TIMED_PAIRS) {
    // In turns, so that a busy machine slows both.
    ratio = await compareTimes(pairs, timed)
    samples = pairs
    if (isSimilar(ratio)) break
  }
  return { ratio, samples }
}

/** Returns the ratio of the first time to the second. */
async function compareTimes(pairs: number, [first, second]: Timed) {
  const times: [number[], number[]] = [[], []]
  for (let pair = 0; pair < pairs; pair++) {
    times[0].push(await first())
    times[1].push(await second())
  }
  return lowerQuartile(times[0]) / lowerQuartile(times[1])
}

function isSimilar(ratio: number): boolean {
  return ratio < MAX_RATIO && ratio > 1 / MAX_RATIO
}

async function timeLogin(api: Api, client: Client, email: string, password: string): Promise<number> {
  const body = api.body(api.route('login'), { email, password })
  const start = performance.now()
  const { status } = await client.call(...api.to('login'), { body })
  if (status < 300 || status === 429 || status >= 500)
    throw new NotVerified(`the response to a wrong password was ${status}`)
  return performance.now() - start
}

async function timeRegistration(api: Api, client: Client, email: string): Promise<number> {
  const body = api.body(api.route('register'), { email, password: 'tidal-ember-47-quartz' })
  const start = performance.now()
  const { status } = await client.call(...api.to('register'), { body })
  if (status === 429 || status >= 500) throw new NotVerified(`the response to a registration was ${status}`)
  return performance.now() - start
}

/** Other load on the machine disturbs the short times least. */
function lowerQuartile(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 4)] ?? 0
}
