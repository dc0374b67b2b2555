/** Security checks of accounts: how passwords are stored, which are refused, and whether accounts can be found out. */
import { NotVerified } from '../../errors.ts'
import type { Client, HttpResponse } from '../../http.ts'
import type { Api } from '../../service/api.ts'
import type { ServiceCheck } from '../check.ts'

/** OWASP Password Storage Cheat Sheet, argon2id: the least memory in KiB by the number of iterations. */
const MIN_MEMORY: Record<number, number> = { 1: 47_104, 2: 19_456, 3: 12_288, 4: 9216, 5: 7168 }

export const passwordHashing: ServiceCheck = {
  id: 'password-hashing',
  rank: 240,
  claim: 'Passwords hashed with argon2id (m={m} KiB, t={t}, p={p})',
  source: 'ASVS 5.0 §11.4.2, OWASP Password Storage Cheat Sheet',
  needs: 'service',
  async run({ expect, actors, internals }) {
    const { id, password } = await actors.user()
    const { rows } = await internals.query('select password_hash from users where id = $1', [id])
    const stored = String(rows[0]?.password_hash)
    const parameters = /^\$(argon2\w+)\$v=19\$([^$]+)\$/.exec(stored)
    const [, kind = 'another format', list = ''] = parameters ?? []
    const { m = '0', t = '0', p = '0' } = Object.fromEntries(list.split(',').map(pair => pair.split('=')))
    expect.fact('stored as', kind, 'argon2id', kind === 'argon2id')
    const minMemory = MIN_MEMORY[Math.min(Number(t), 5)] ?? Number.POSITIVE_INFINITY
    expect.fact('parameters', `m=${m},t=${t},p=${p}`, 'at least what OWASP requires', Number(m) >= minMemory)
    // RFC 9106 §3.1 allows a tag of 4 bytes, which can be guessed.
    const lengths = stored
      .split('$')
      .slice(-2)
      .map(part => Buffer.from(part, 'base64').length)
    const isLong = lengths.length === 2 && lengths.every(length => length >= 16)
    expect.fact('bytes of salt and hash', lengths.join(' and '), 'at least 16', isLong)
    const isPlain = stored.includes(password)
    expect.fact('the password in the row', isPlain ? 'found' : 'none', 'none', !isPlain)
    return { m, t, p }
  },
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
  claim: 'No account enumeration by the responses of login and registration',
  source: 'ASVS 5.0 §6.3.8',
  needs: 'service',
  async run({ expect, actors, api, http }) {
    const { email } = await actors.user()
    const client = http.client()
    const login = (sent: string, address: string) =>
      client.call(...api.to('login'), { sent, body: { email: address, password: 'not the password' } })
    const known = await login('a known account, a wrong password', email)
    const unknown = await login('an unknown account', actors.newEmail())
    expect.status(known, 401)
    expect.response(unknown, 'the same response', bodyOf(unknown) === bodyOf(known))

    const register = (sent: string, address: string) =>
      client.call(...api.to('register'), {
        sent,
        body: api.body(api.route('register'), { email: address, password: 'tidal-ember-47-quartz' }),
      })
    const fresh = await register('an address that is free', actors.newEmail())
    const taken = await register('an address that is taken', email)
    expect.status(fresh, 201)
    expect.response(taken, 'a response of the same shape', shapeOf(taken) === shapeOf(fresh))
  },
}

function bodyOf({ status, json: { requestId: _requestId, ...rest } }: HttpResponse): string {
  return JSON.stringify({ status, ...rest })
}

function shapeOf({ status, json }: HttpResponse): string {
  return `${status} ${Object.keys(json)} ${Object.keys((json.user ?? {}) as object)}`
}

/** 12 pairs show the difference of one password hash. More follow where the machine was too busy. */
const TIMED_PAIRS = [12, 24, 48]

/** A login without a password hash takes a tenth of the time of one with. */
const MAX_RATIO = 2

export const enumerationByTime: ServiceCheck = {
  id: 'enumeration-time',
  rank: 270,
  claim: 'No account enumeration by the time that a login takes',
  source: 'ASVS 5.0 §6.3.8',
  needs: 'service',
  isAlone: 'measures',
  async run({ expect, actors, api, http }) {
    const { email } = await actors.user()
    let ratio = 0
    let samples = 0
    for (const pairs of TIMED_PAIRS) {
      // In turns, so that a busy machine slows both. Each from a new address, so that no limit applies.
      ratio = await compareTimes(pairs, [
        () => timeLogin(api, http.client(), email),
        () => timeLogin(api, http.client(), actors.newEmail()),
      ])
      samples = pairs
      if (isSimilar(ratio)) break
    }
    const met = isSimilar(ratio)
    expect.fact(
      'the times of a known and an unknown account',
      met ? 'similar' : 'different',
      `a ratio below ${MAX_RATIO}:1`,
      met,
    )
    expect.note({
      kind: 'measurement',
      what: 'known to unknown accounts, ratio of lower quartiles',
      unit: 'ratio',
      value: ratio,
      samples,
    })
  },
}

/** Returns the ratio of the first time to the second. */
async function compareTimes(pairs: number, [first, second]: [() => Promise<number>, () => Promise<number>]) {
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

async function timeLogin(api: Api, client: Client, email: string): Promise<number> {
  const start = performance.now()
  const { status } = await client.call(...api.to('login'), {
    body: { email, password: 'not the password' },
  })
  if (status !== 401) throw new NotVerified(`the response to a wrong password was ${status}`)
  return performance.now() - start
}

/** Other load on the machine disturbs the short times least. */
function lowerQuartile(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 4)] ?? 0
}
