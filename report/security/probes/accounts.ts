/** Probes of passwords and accounts: how they are stored, guessed and found out. */

import type { Answer, Client } from '../../http.ts'
import { AUTH } from '../actors.ts'
import { NotVerified, type ServiceProbe } from '../probe.ts'

/** OWASP Password Storage Cheat Sheet: one of its argon2id rows, memory in KiB by iterations. */
const LEAST_MEMORY: Record<number, number> = { 1: 47_104, 2: 19_456, 3: 12_288, 4: 9216, 5: 7168 }

export const passwordHashing: ServiceProbe = {
  id: 'password-hashing',
  claim: 'Passwords hashed with argon2id (m={m} KiB, t={t}, p={p})',
  source: 'ASVS 5.0 §11.4.2, OWASP Password Storage Cheat Sheet',
  needs: 'service',
  async probe({ checks, actors, internals }) {
    const { id, password } = await actors.user()
    const { rows } = await internals.query('select password_hash from users where id = $1', [id])
    const stored = String(rows[0]?.password_hash)
    const parameters = /^\$(argon2\w+)\$v=19\$([^$]+)\$/.exec(stored)
    const [, kind = 'something else', list = ''] = parameters ?? []
    const { m = '0', t = '0', p = '0' } = Object.fromEntries(list.split(',').map(pair => pair.split('=')))
    checks.fact('stored as', kind, 'argon2id', kind === 'argon2id')
    const least = LEAST_MEMORY[Math.min(Number(t), 5)] ?? Number.POSITIVE_INFINITY
    checks.fact('parameters', `m=${m},t=${t},p=${p}`, 'no weaker than OWASP asks', Number(m) >= least)
    // RFC 9106 §3.1: a tag of 4 bytes is allowed, and guessed in no time.
    const lengths = stored
      .split('$')
      .slice(-2)
      .map(part => Buffer.from(part, 'base64').length)
    const isLong = lengths.length === 2 && lengths.every(length => length >= 16)
    checks.fact('bytes of salt and hash', lengths.join(' and '), '16 at least', isLong)
    const isPlain = stored.includes(password)
    checks.fact('the password in the row', isPlain ? 'found' : 'none', 'none', !isPlain)
    return { m, t, p }
  },
}

export const weakPasswords: ServiceProbe = {
  id: 'password-policy',
  claim: 'Short and common passwords refused',
  source: 'ASVS 5.0 §6.2.1, §6.2.4',
  needs: 'service',
  async probe({ checks, actors, http }) {
    const attempts = {
      'seven characters': 'aB3$xY7',
      'a common password': 'password123',
      'a common password in capitals': 'PASSWORD123',
    }
    const client = http.client()
    const actor = await actors.user()
    for (const [sent, password] of Object.entries(attempts)) {
      const body = { email: actors.newEmail(), password, displayName: 'Report Reader' }
      checks.status(await client.call('POST', `${AUTH}/register`, { sent, body }), 400)
      const change = { currentPassword: actor.password, newPassword: password }
      const options = { sent: `${sent} in place of a good one`, body: change, token: actor.accessToken }
      checks.status(await actor.client.call('PUT', `${AUTH}/password`, options), 400)
    }
  },
}

export const enumerationByBody: ServiceProbe = {
  id: 'enumeration-body',
  claim: 'No account enumeration by the answers of login and registration',
  source: 'ASVS 5.0 §6.3.8',
  needs: 'service',
  async probe({ checks, actors, http }) {
    const { email } = await actors.user()
    const client = http.client()
    const login = (sent: string, address: string) =>
      client.call('POST', `${AUTH}/login`, { sent, body: { email: address, password: 'not the password' } })
    const known = await login('a known account, a wrong password', email)
    const unknown = await login('an unknown account', actors.newEmail())
    checks.status(known, 401)
    checks.answer(unknown, 'the same answer', bodyOf(unknown) === bodyOf(known))

    const register = (sent: string, address: string) =>
      client.call('POST', `${AUTH}/register`, {
        sent,
        body: { email: address, password: 'correct horse battery', displayName: 'Report Reader' },
      })
    const fresh = await register('an address that is free', actors.newEmail())
    const taken = await register('an address that is taken', email)
    checks.status(fresh, 201)
    checks.answer(taken, 'an answer of the same shape', shapeOf(taken) === shapeOf(fresh))
  },
}

function bodyOf({ status, json: { requestId: _requestId, ...rest } }: Answer): string {
  return JSON.stringify({ status, ...rest })
}

function shapeOf({ status, json }: Answer): string {
  return `${status} ${Object.keys(json)} ${Object.keys((json.user ?? {}) as object)}`
}

/** Enough for a difference of one hash, which is what gives an account away; more where noise speaks against it. */
const TIMED_PAIRS = [12, 24, 48]

/** A login without a hash takes a tenth of one with. */
const CLEAR_RATIO = 2

export const enumerationByTime: ServiceProbe = {
  id: 'enumeration-time',
  claim: 'No account enumeration by the time that a login takes',
  source: 'ASVS 5.0 §6.3.8',
  needs: 'service',
  async probe({ checks, actors, http }) {
    const { email } = await actors.user()
    let ratio = 0
    let samples = 0
    for (const pairs of TIMED_PAIRS) {
      // In turns, and each from a new address: what slows the machine slows both, and no limit is met.
      ratio = await compareTimes(pairs, [
        () => timeLogin(http.client(), email),
        () => timeLogin(http.client(), actors.newEmail()),
      ])
      samples = pairs
      if (isAlike(ratio)) break
    }
    const met = isAlike(ratio)
    checks.fact(
      'the quicker halves of the two',
      met ? 'alike' : 'apart',
      `alike within ${CLEAR_RATIO}:1`,
      met,
    )
    checks.note({
      ...{ kind: 'measurement', what: 'known to unknown accounts, ratio of lower quartiles', unit: 'ratio' },
      ...{ value: ratio, samples },
    })
  },
}

/** How much longer the first takes than the second. */
async function compareTimes(pairs: number, [first, second]: [() => Promise<number>, () => Promise<number>]) {
  const times: [number[], number[]] = [[], []]
  for (let pair = 0; pair < pairs; pair++) {
    times[0].push(await first())
    times[1].push(await second())
  }
  return lowerQuartile(times[0]) / lowerQuartile(times[1])
}

function isAlike(ratio: number): boolean {
  return ratio < CLEAR_RATIO && ratio > 1 / CLEAR_RATIO
}

async function timeLogin(client: Client, email: string): Promise<number> {
  const start = performance.now()
  const answer = await client.call('POST', `${AUTH}/login`, { body: { email, password: 'not the password' } })
  if (answer.status !== 401) throw new NotVerified(`a login with a wrong password answered ${answer.status}`)
  return performance.now() - start
}

/** Where a busy machine has disturbed least. */
function lowerQuartile(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 4)] ?? 0
}

const MOST_LOGINS = 60

export const loginLimit: ServiceProbe = {
  id: 'login-limit',
  claim: 'Login limited to {max} tries per client and account',
  source: 'ASVS 5.0 §6.3.1, OWASP API4:2023',
  needs: 'service',
  async probe({ checks, actors }) {
    const { client, email, password } = await actors.user()
    // The actor's own login was the first.
    let tries = 1
    let last: Answer
    do {
      tries += 1
      const sent = `login ${tries} of one client to one account, a wrong password`
      last = await client.call('POST', `${AUTH}/login`, { sent, body: { email, password: 'wrong' } })
    } while (last.status === 401 && tries < MOST_LOGINS)
    checks.answer(last, '429 with Retry-After', last.status === 429 && 'retry-after' in last.headers)
    const sent = 'the right password, while limited'
    checks.status(await client.call('POST', `${AUTH}/login`, { sent, body: { email, password } }), 429)
    const other = await actors.user()
    const toOther = { email: other.email, password: other.password }
    const elsewhere = 'the limited client, to another account'
    checks.status(await client.call('POST', `${AUTH}/login`, { sent: elsewhere, body: toOther }), 200)
    const owner = 'another client, to the account'
    checks.status(
      await other.client.call('POST', `${AUTH}/login`, { sent: owner, body: { email, password } }),
      200,
    )
    return { max: String(tries - 1) }
  },
}
