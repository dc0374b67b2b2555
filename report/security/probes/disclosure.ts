/** Probes of disclosure: errors, metrics, logs, the image and the repository keep what is not for everybody. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Answer, cookiePairsOf } from '../../http.ts'
import type { Subject } from '../../subject/subject.ts'
import { type Actor, AUTH, USERS } from '../actors.ts'
import { type AnyProbe, NotVerified, type ServiceProbe } from '../probe.ts'
import { hasBody, pathOf, publicRead } from '../routes.ts'

/** A stack frame, a path of the file system, a package's folder, a statement, an internal class name. */
const LEAKS =
  /\bat [\w.<>]+ \(|\bat (async )?(file:|\/)|node_modules|file:\/\/|\/(home|root|usr|work|tmp|var|app)\/|\b(select|insert into|update|delete) .+ (from|set|values)\b|"stack"|\bDrizzle|\bpg_/i

export const noLeak: AnyProbe = {
  id: 'error-leaks',
  claim: 'No stack, SQL or path in errors',
  source: 'ASVS 5.0 §16.5.1, OWASP API8:2023',
  needs: 'http',
  async probe({ checks, http, routes }) {
    const client = http.client()
    const answers: Answer[] = [await client.call('GET', '/report/no-such-path', { sent: 'an unknown path' })]
    for (const route of routes) {
      const body = hasBody(route.method) ? { body: '{"broken":' } : {}
      const path = pathOf(route, '%00')
      if (hasBody(route.method) || path !== route.url) {
        answers.push(await http.client().call(route.method, path, { sent: 'something broken', ...body }))
      }
    }
    const some = publicRead(routes)
    if (some) answers.push(await client.call('GET', `${some.url}?a=%ff%fe&a=1`, { sent: 'a broken query' }))
    const refused = answers.filter(({ status }) => status >= 400)
    if (refused.length === 0) throw new NotVerified('no error could be provoked')
    for (const answer of refused) {
      checks.answer(answer, 'no internals in the body', answer.status < 500 && !LEAKS.test(answer.text))
    }
  },
}

export const problemDetails: ServiceProbe = {
  id: 'problem-details',
  claim: 'One shape for every error: application/problem+json',
  source: 'RFC 9457 §3',
  needs: 'service',
  async probe({ checks, http, actors }) {
    const { client, accessToken: token } = await actors.user()
    const answers = [
      await client.call('POST', `${AUTH}/login`, { sent: 'a body that does not fit', body: {} }),
      await client.call('GET', `${USERS}/me`, { sent: 'no credentials' }),
      await client.call('GET', USERS, { sent: "a user's token on an admin's route", token }),
      await client.call('GET', '/report/no-such-path', { sent: 'an unknown path' }),
      await client.call('DELETE', `${AUTH}/login`, { sent: 'a method that the path does not know' }),
      await http
        .client()
        .call('POST', `${AUTH}/login`, { sent: 'a body of 1 MiB', body: 'x'.repeat(1 << 20) }),
      await client.call('GET', `/${'x'.repeat(6000)}`, { sent: 'a path of 6,000 characters' }),
    ]
    for (const answer of answers) {
      const type = String(answer.headers['content-type']).split(';', 1)[0]
      const isWhole = ['type', 'title', 'status', 'code', 'requestId'].every(name => name in answer.json)
      const met = type === 'application/problem+json' && isWhole && answer.json.status === answer.status
      checks.answer(answer, 'problem+json with its fields', met, ['content-type'])
    }
  },
}

export const methodNotAllowed: ServiceProbe = {
  id: 'method-not-allowed',
  claim: 'Unknown methods refused with 405 and Allow',
  source: 'RFC 9110 §15.5.6, ASVS 5.0 §4.1.4',
  needs: 'service',
  async probe({ checks, http }) {
    const client = http.client()
    for (const [method, path] of [
      ['TRACE', '/health/live'],
      ['PATCH', `${USERS}/me`],
      ['DELETE', `${AUTH}/login`],
    ] as const) {
      const answer = await client.call(method, path, { sent: `${method}, which the path does not know` })
      checks.answer(answer, '405 with Allow', answer.status === 405 && 'allow' in answer.headers, ['allow'])
    }
  },
}

export const metricsGuarded: ServiceProbe = {
  id: 'metrics-guarded',
  claim: 'Metrics behind a token of their own',
  source: 'ASVS 5.0 §13.4.5',
  needs: 'service',
  async probe({ checks, http, actors, internals }) {
    const client = http.client()
    const { accessToken } = await actors.user()
    checks.status(await client.call('GET', '/metrics', { sent: 'no token' }), 401)
    checks.status(await client.call('GET', '/metrics', { sent: 'another token', token: 'x'.repeat(32) }), 401)
    checks.status(await client.call('GET', '/metrics', { sent: "a user's token", token: accessToken }), 401)
    const sent = 'the metrics token'
    checks.status(await client.call('GET', '/metrics', { sent, token: internals.metricsToken }), 200)
  },
}

/** Log lines are written a moment after the answer. */
const LOG_WITHIN_MS = 2000

export const logRedaction: ServiceProbe = {
  id: 'log-redaction',
  claim: 'No password, token, key or cookie in the logs',
  source: 'ASVS 5.0 §16.2.5',
  needs: 'service',
  async probe({ checks, actors, internals, subject, http }) {
    const actor = await actors.user()
    const canary = `canary${randomBytes(12).toString('hex')}`
    const mark = `mark${randomBytes(8).toString('hex')}`
    const client = http.client()
    const browser = await useEverything(actor)
    const headers = { cookie: `__Host-refresh=${canary}`, 'x-csrf-token': canary, 'x-api-key': canary }
    await client.call('POST', `${AUTH}/login`, { body: { email: actor.email, password: canary }, headers })
    await client.call('POST', `${AUTH}/login`, { body: { password: canary, token: canary } })
    await client.call('GET', `${USERS}/me?token=${canary}`, { token: canary })
    await client.call('POST', `${AUTH}/refresh`, {
      body: { refreshToken: canary.padEnd(43, 'x').slice(0, 43) },
    })
    const last = await client.call('GET', '/report/no-such-path', { headers: { 'x-request-id': mark } })
    const lines = await linesUntil(subject.log, mark)
    checks.status(last, 404)
    const secrets = {
      'what was sent as password, token, key and cookie': canary,
      'a password': actor.password,
      'an access token': actor.accessToken,
      'a refresh token': actor.refreshToken,
      ...browser,
      'the signing key': internals.signingKey.split('\n')[1] ?? canary,
      'the metrics token': internals.metricsToken,
      'the password of the database': new URL(internals.databaseUrl).password || canary,
    }
    for (const [what, secret] of Object.entries(secrets)) {
      const isThere = lines.some(line => line.includes(secret))
      checks.fact(`${what} in the log`, isThere ? 'found' : 'none', 'none', !isThere)
    }
  },
}

/** Does what an honest user does with each kind of secret; returns those that came of it, by what they are. */
async function useEverything({ client, email, password, accessToken: token }: Actor) {
  await client.call('GET', `${USERS}/me`, { token })
  const newPassword = randomBytes(18).toString('base64url')
  await client.call('PUT', `${AUTH}/password`, { token, body: { currentPassword: password, newPassword } })
  const body = { email, password: newPassword }
  const login = await client.call('POST', `${AUTH}/login?cookie=true`, { body })
  const cookies = cookiePairsOf(login)
  const csrf = String(login.json.csrfToken)
  const headers = { cookie: cookies.join('; '), 'x-csrf-token': csrf }
  const refreshed = await client.call('POST', `${AUTH}/refresh`, { body: {}, headers })
  if (refreshed.status !== 200) throw new NotVerified(`a refresh by cookie answered ${refreshed.status}`)
  return {
    'a new password': newPassword,
    'a CSRF token': csrf,
    'an access token of a browser': String(refreshed.json.accessToken),
    ...Object.fromEntries(
      cookies.map(pair => [`the cookie ${pair.split('=', 1)[0]}`, pair.slice(pair.indexOf('=') + 1)]),
    ),
  }
}

async function linesUntil(log: () => readonly string[], mark: string): Promise<readonly string[]> {
  const deadline = Date.now() + LOG_WITHIN_MS
  while (!log().some(line => line.includes(mark))) {
    if (Date.now() > deadline) throw new NotVerified('the log does not show the requests of this run')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return log()
}

export const configRequired: ServiceProbe = {
  id: 'config-required',
  claim: 'Production does not start without its secrets, and names what is missing',
  source: 'ASVS 5.0 §13.1.1, §13.3.1',
  needs: 'service',
  async probe({ checks, subject, internals }) {
    const schema = internals.environmentSchema
    if (!schema) throw new NotVerified('the service exports no schema of its environment')
    const required = (schema.required ?? []).filter(name => schema.properties[name]?.default === undefined)
    const secrets = { DATABASE_URL: internals.databaseUrl, JWT_PRIVATE_KEY: internals.signingKey }
    const judge = async (what: string, env: NodeJS.ProcessEnv, names: readonly string[]) => {
      const { code, stderr } = await startInProduction(subject, env)
      checks.fact(`exit code without ${what}`, String(code), '1', code === 1)
      for (const name of names) {
        const isNamed = stderr.includes(name)
        checks.fact(`${name} in what it says`, isNamed ? 'named' : 'missing', 'named', isNamed)
      }
    }
    await judge('any variable', {}, required)
    // One at a time, too: what another one's absence ends may start without this one.
    for (const name of Object.keys(secrets)) {
      const others = Object.fromEntries(Object.entries(secrets).filter(([other]) => other !== name))
      await judge(`${name} alone`, others, [name])
    }
  },
}

type Ended = { code: number | null; stderr: string }

/** Starts the module with nothing but `env`, and returns how it ended; it gets 20 seconds, of which it needs one. */
function startInProduction({ module, root }: Subject, env: NodeJS.ProcessEnv): Promise<Ended> {
  const all = { PATH: process.env.PATH, NODE_ENV: 'production', PORT: '0', ...env }
  return promisify(execFile)(process.execPath, [module], { cwd: root, env: all, timeout: 20_000 }).then(
    () => ({ code: 0, stderr: '' }),
    (error: Ended) => error,
  )
}

/** Private keys, and the forms that known services give their secrets. */
const SECRET_FORMS = [
  'BEGIN [A-Z ]*PRIVATE KEY-----.{0,2}[A-Za-z0-9+/=]{20,}',
  '^[A-Za-z0-9+/]{64}$',
  'AKIA[0-9A-Z]{16}',
  'gh[pousr]_[A-Za-z0-9]{36}',
  'xox[abprs]-[A-Za-z0-9-]{10,}',
  'sk_live_[A-Za-z0-9]{20,}',
  'eyJ[A-Za-z0-9_-]{10,}\\.eyJ[A-Za-z0-9_-]{10,}\\.[A-Za-z0-9_-]{20,}',
]

export const repositorySecrets: AnyProbe = {
  id: 'repository-secrets',
  claim: 'No secrets in the repository',
  source: 'ASVS 5.0 §13.3.1',
  needs: 'http',
  async probe({ checks, subject: { root } }) {
    const git = (...args: string[]) => promisify(execFile)('git', args, { cwd: root, maxBuffer: 64 << 20 })
    const tracked = await git('ls-files').catch(() => {
      throw new NotVerified('the app is not in a git repository')
    })
    const files = tracked.stdout.split('\n').filter(Boolean)
    const found = await git('grep', '-lIE', ...SECRET_FORMS.flatMap(form => ['-e', form])).then(
      ({ stdout }) => stdout.split('\n').filter(Boolean),
      (error: { code: number }) => {
        // 1: nothing was found.
        if (error.code === 1) return []
        throw error
      },
    )
    checks.fact('files with the form of a secret', found.join(', ') || 'none', 'none', found.length === 0)
    const environments = files.filter(file => /(^|\/)\.env(\.(?!example$)\w+)?$|\.pem$|\.p12$/.test(file))
    checks.fact(
      'tracked .env and key files',
      environments.join(', ') || 'none',
      'none',
      environments.length === 0,
    )
  },
}

export const imageSecrets: AnyProbe = {
  id: 'image-secrets',
  claim: 'No secrets from the image: none set, none copied',
  source: 'ASVS 5.0 §13.3.1, CIS Docker §4.10',
  needs: 'http',
  async probe({ checks, subject: { root } }) {
    const dockerfile = join(root, 'Dockerfile')
    if (!existsSync(dockerfile)) throw new NotVerified('there is no Dockerfile')
    const lines = readFileSync(dockerfile, 'utf8').split('\n')
    const set = lines.filter(line =>
      /^\s*(ENV|ARG)\s.*(SECRET|TOKEN|PASSWORD|PRIVATE_KEY|DATABASE_URL)/i.test(line),
    )
    checks.fact('ENV and ARG of secrets', String(set.length), '0', set.length === 0)
    const copies = lines.filter(line => /^\s*(COPY|ADD)\s/.test(line) && !line.includes('--from='))
    const named = copies.filter(line => /[\s/](\.env(?!\.example)\S*|\S*\.(pem|key))\s/.test(line))
    checks.fact('copies of secrets by name', String(named.length), '0', named.length === 0)
    const copiesAll = copies.some(line => /\s(\.|\.\/|\*)\s/.test(line))
    const ignoreFile = join(root, '.dockerignore')
    const ignored = existsSync(ignoreFile) ? readFileSync(ignoreFile, 'utf8').split('\n') : []
    const showsEnv = ignored.some(line => /^!.*(\*|\.env(?!\.example)|\.(pem|key)\b)/.test(line.trim()))
    const hidesEnv = !showsEnv && ignored.some(line => /^(\*\*\/)?\.env\*?$|^\*$/.test(line.trim()))
    checks.fact('copies .env', copiesAll && !hidesEnv ? 'yes' : 'no', 'no', !copiesAll || hidesEnv)
  },
}
