/** Security checks of operation: access to metrics, secrets in the log, and a start without secrets. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { NotVerified } from '../../errors.ts'
import { cookiePairsOf } from '../../http.ts'
import type { Api } from '../../service/api.ts'
import type { Subject } from '../../subject/subject.ts'
import type { Actor } from '../actors.ts'
import type { ServiceCheck } from '../check.ts'
import { UNKNOWN_PATH } from '../exhaust.ts'

export const metricsGuarded: ServiceCheck = {
  id: 'metrics-guarded',
  rank: 420,
  claim: 'Metrics behind a token of their own',
  source: 'ASVS 5.0 §13.4.5',
  needs: 'service',
  async run({ expect, http, actors, api, internals }) {
    const client = http.client()
    const { accessToken } = await actors.user()
    const read = (sent: string, token?: string) =>
      client.call(...api.to('metrics'), { sent, ...(token !== undefined && { token }) })
    expect.status(await read('no token'), 401)
    expect.status(await read('another token', 'x'.repeat(32)), 401)
    expect.status(await read("a user's token", accessToken), 401)
    expect.status(await read('the metrics token', internals.metricsToken), 200)
  },
}

/** A log line is written shortly after its response. */
const LOG_TIMEOUT_MS = 2000

export const logRedaction: ServiceCheck = {
  id: 'log-redaction',
  rank: 430,
  claim: 'No password, token, key or cookie in the logs',
  source: 'ASVS 5.0 §16.2.5',
  needs: 'service',
  async run({ expect, actors, api, internals, subject, http, sweep }) {
    const actor = await actors.user()
    const canary = `canary${randomBytes(12).toString('hex')}`
    const mark = `mark${randomBytes(8).toString('hex')}`
    const client = http.client()
    const browser = await useSecrets(api, actor)
    const headers = { cookie: `__Host-refresh=${canary}`, 'x-csrf-token': canary, 'x-api-key': canary }
    const login = api.route('login')
    const wrong = api.body(login, { email: actor.email, password: canary })
    await client.call(...api.to('login'), { body: wrong, headers })
    await client.call(...api.to('login'), { body: { password: canary, token: canary } })
    await client.call(...api.to('me', undefined, `?token=${canary}`), { token: canary })
    const refreshToken = canary.padEnd(43, 'x').slice(0, 43)
    await client.call(...api.to('refresh'), {
      body: api.body(api.route('refresh'), { ...actor, refreshToken }),
    })
    const { samples } = await sweep()
    const last = await client.call('GET', UNKNOWN_PATH, { headers: { 'x-request-id': mark } })
    const lines = await linesUntil(subject.log, mark)
    expect.status(last, 404)
    const secrets = {
      'what was sent as password, token, key and cookie': canary,
      ...browser,
      'the signing key': internals.signingKey.split('\n')[1] ?? canary,
      'the metrics token': internals.metricsToken,
      'the password of the database': new URL(internals.databaseUrl).password || canary,
    }
    for (const [what, secret] of Object.entries(secrets)) {
      const isFound = lines.some(line => line.includes(secret))
      expect.fact(`${what} in the log`, isFound ? 'found' : 'none', 'none', !isFound)
    }
    const words = wordsOf(lines)
    const { passwords, accessTokens, refreshTokens } = actors.issued
    const all = {
      'passwords of all accounts': [...passwords],
      'access tokens of all accounts': [...accessTokens].map(signatureOf),
      'refresh tokens of all accounts': [...refreshTokens],
      'tokens in all responses': samples.flatMap(({ response }) => tokensIn(response.text)),
      'cookies of all responses': samples.flatMap(({ response }) =>
        cookiePairsOf(response).map(pair => pair.slice(pair.indexOf('=') + 1)),
      ),
    }
    for (const [what, values] of Object.entries(all)) {
      const isFound = values.some(value => value.length > MIN_SECRET && words.has(value))
      expect.fact(`${what} in the log`, isFound ? 'found' : 'none', 'none', !isFound)
    }
  },
}

/** Shorter values, such as the name of a state, are no secrets. */
const MIN_SECRET = 15

/** The words of the log, to look up hundreds of secrets: letters, digits, and the signs of base64url. */
function wordsOf(lines: readonly string[]): Set<string> {
  return new Set(lines.flatMap(line => line.match(/[\w-]{16,}/g) ?? []))
}

function signatureOf(token: string): string {
  return token.slice(token.lastIndexOf('.') + 1)
}

/** Returns the signatures of signed tokens in a text, and the values under the name of a token. */
function tokensIn(text: string): string[] {
  const signed = [...text.matchAll(/eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.([\w-]{20,})/g)]
  const named = [...text.matchAll(/"(?:refresh|csrf|api)_?token"\s*:\s*"([\w-]{20,})"/gi)]
  return [...signed, ...named].map(([, value = '']) => value)
}

/** Uses each kind of secret as an honest user does. Returns the secrets that were issued, by their kind. */
async function useSecrets(api: Api, { client, email, password, accessToken: token }: Actor) {
  await client.call(...api.to('me'), { token })
  const newPassword = randomBytes(18).toString('base64url')
  const change = api.route('changePassword')
  await client.call(...api.to('changePassword'), {
    token,
    body: replaceNew(api.body(change, { email, password }), password, newPassword),
  })
  const body = api.body(api.route('login'), { email, password: newPassword })
  const login = await client.call(...api.to('login', undefined, '?cookie=true'), { body })
  const cookies = cookiePairsOf(login)
  const csrf = String(login.json.csrfToken)
  const headers = { cookie: cookies.join('; '), 'x-csrf-token': csrf }
  const refreshed = await client.call(...api.to('refresh'), { body: {}, headers })
  if (refreshed.status !== 200) {
    throw new NotVerified(`the response to a refresh by cookie was ${refreshed.status}`)
  }
  return {
    'a new password': newPassword,
    'a CSRF token': csrf,
    'an access token of a browser': String(refreshed.json.accessToken),
    ...Object.fromEntries(
      cookies.map(pair => [`the cookie ${pair.split('=', 1)[0]}`, pair.slice(pair.indexOf('=') + 1)]),
    ),
  }
}

/** Returns the body with another new password: each text that is not the current one. */
function replaceNew(body: Record<string, unknown>, current: string, next: string): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      /new/i.test(name) && value !== current ? next : value,
    ]),
  )
}

async function linesUntil(log: () => readonly string[], mark: string): Promise<readonly string[]> {
  const deadline = Date.now() + LOG_TIMEOUT_MS
  while (!log().some(line => line.includes(mark))) {
    if (Date.now() > deadline) throw new NotVerified('the log does not show the requests of this run')
    await sleep(20)
  }
  return log()
}

export const configRequired: ServiceCheck = {
  id: 'config-required',
  rank: 440,
  claim: 'Production does not start without its secrets, and names what is missing',
  source: 'ASVS 5.0 §13.1.1, §13.3.1',
  needs: 'service',
  async run({ expect, subject, internals }) {
    const schema = internals.environmentSchema
    if (!schema) throw new NotVerified('the service exports no schema of its environment')
    const required = (schema.required ?? []).filter(name => schema.properties[name]?.default === undefined)
    const secrets = { DATABASE_URL: internals.databaseUrl, JWT_PRIVATE_KEY: internals.signingKey }
    const expectRefusal = async (what: string, env: NodeJS.ProcessEnv, names: readonly string[]) => {
      const { code, stderr } = await startInProduction(subject, env)
      expect.fact(`exit code without ${what}`, String(code), '1', code === 1)
      for (const name of names) {
        const isNamed = stderr.includes(name)
        expect.fact(`${name} in the error message`, isNamed ? 'named' : 'missing', 'named', isNamed)
      }
    }
    await expectRefusal('any variable', {}, required)
    // Also one at a time: each must be required by itself.
    for (const name of Object.keys(secrets)) {
      const others = Object.fromEntries(Object.entries(secrets).filter(([other]) => other !== name))
      await expectRefusal(`${name} alone`, others, [name])
    }
  },
}

type Exit = { code: number | null; stderr: string }

/** It ends within a second where it refuses to start. */
const START_TIMEOUT_MS = 20_000

/** Starts the module with `env` only, and returns how it ended. */
function startInProduction({ module, root }: Subject, env: NodeJS.ProcessEnv): Promise<Exit> {
  const all = { PATH: process.env.PATH, NODE_ENV: 'production', PORT: '0', ...env }
  const options = { cwd: root, env: all, timeout: START_TIMEOUT_MS }
  return promisify(execFile)(process.execPath, [module], options).then(
    () => ({ code: 0, stderr: '' }),
    (error: Exit) => error,
  )
}
