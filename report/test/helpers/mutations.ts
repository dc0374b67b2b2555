/** Ways to break the service, and the rows of the report that must change, in groups with disjoint rows. */
import type { Replacement } from './mutation-loader.ts'

export type Mutation = {
  name: string
  replacements: Replacement[]
  /** SQL on the migrated database. */
  sql?: string
  /** Rows as `section/id` that become fail or not verified. */
  broken: string[]
  /** Rows with another text. */
  changed?: string[]
}

const one = (file: string, from: string, to: string): Replacement[] => [{ file, from, to }]

const HEADERS = 'src/http/security-headers.ts'
const AUTH = 'src/modules/sessions/plugin.ts'
const AUTH_ROUTES = 'src/modules/sessions/routes.ts'

/** Accepts the claims of any token with this algorithm. */
const acceptAlgorithm = (algorithm: string) =>
  one(
    AUTH,
    "const claims = recall(request.headers.authorization ?? '')",
    `const token = request.headers.authorization ?? ''
    try {
      const [head, payload] = token.slice(7).split('.').map(part => Buffer.from(part, 'base64url').toString())
      if (JSON.parse(head).alg === '${algorithm}') { request.user = JSON.parse(payload); return done() }
    } catch {}
    const claims = recall(token)`,
  )

/** All mutations of a group are applied to one service. */
export const GROUPS: readonly Mutation[][] = [
  [
    {
      name: 'helmet is not applied',
      replacements: one(HEADERS, 'reply.headers(headers)', ''),
      broken: ['security/security-headers'],
    },
    {
      name: 'a disabled account continues to work',
      replacements: one(
        'src/modules/users/repository.ts',
        'disabledAt: isDisabled ? sql`now()` : null',
        'disabledAt: null',
      ),
      broken: ['security/disabled-accounts'],
    },
    {
      name: 'the rate limit is removed',
      replacements: one(
        'src/http/rate-limit.ts',
        'limitClient(request, reply).then(() => done(), done)',
        'done()',
      ),
      broken: ['security/rate-limit', 'security/rate-limit-bypass'],
      changed: ['middleware/onRequest RateLimit'],
    },
    {
      name: 'a guard is removed from a route that declares it',
      replacements: one(
        'src/modules/users/routes.ts',
        'ownerOf: ({ params }) => (params as IdParams).id.toLowerCase()',
        'ownerOf: ({ user }) => user.sub',
      ),
      broken: ['endpoints/PUT /api/v1/users/:id', 'security/owner-only'],
    },
    {
      name: 'HS256 is accepted',
      replacements: acceptAlgorithm('HS256'),
      broken: ['security/jwt-algorithm-confusion'],
    },
    {
      name: 'reuse of a refresh token is not detected',
      replacements: one(
        'src/modules/sessions/refresh-tokens.ts',
        "? 'repeat' : 'reuse'",
        "? 'repeat' : 'repeat'",
      ),
      broken: ['security/refresh-reuse'],
    },
    {
      name: 'a migration is not applied',
      replacements: [],
      sql: 'delete from drizzle.__drizzle_migrations where created_at = (select max(created_at) from drizzle.__drizzle_migrations)',
      broken: ['database/*last', 'endpoints/GET /health/ready'],
      changed: ['middleware/Handler'],
    },
    {
      // Readiness fails too, in the rows of the mutation before.
      name: 'a migration was edited after it was applied',
      replacements: [],
      sql: "update drizzle.__drizzle_migrations set hash = repeat('0', 64) where created_at = (select min(created_at) from drizzle.__drizzle_migrations)",
      broken: ['database/*first'],
    },
    {
      name: 'a variable is read that is in no schema',
      replacements: one(
        'src/server.ts',
        'preferCommonJsDrizzle()',
        'preferCommonJsDrizzle(); void process.env.SECRET_SWITCH',
      ),
      broken: ['environment/SECRET_SWITCH'],
    },
    {
      name: 'stack traces are sent',
      replacements: one(
        'src/http/error-handler.ts',
        'requestId: request.id })',
        'requestId: request.id }), ...{ stack: error.stack }',
      ),
      broken: ['security/error-leaks'],
    },
    {
      name: 'logout does nothing',
      replacements: one(
        AUTH_ROUTES,
        'await sessions.endOwnSession(request.user, request.user.sid, clientInfoOf(request))',
        '',
      ),
      broken: ['security/logout'],
    },
    {
      name: 'passwords are hashed with less memory',
      replacements: one('src/modules/accounts/passwords.ts', 'memoryCost: 19_456', 'memoryCost: 4096'),
      broken: ['security/password-hashing'],
    },
    {
      name: 'any origin is granted',
      replacements: one(HEADERS, 'origin: [...corsOrigins]', 'origin: true'),
      broken: ['security/cors-refused'],
    },
    {
      name: 'unknown fields of a profile are ignored',
      replacements: one(
        'src/modules/users/schemas.ts',
        'UpdateBody = Strict({',
        'UpdateBody = Type.Object({',
      ),
      broken: ['security/mass-assignment'],
    },
    {
      name: 'the metrics are open to all',
      replacements: one(
        'src/observability/metrics-route.ts',
        'if (!timingSafeEqual(given, expected)) throw',
        'if (false) throw',
      ),
      broken: ['endpoints/GET /metrics', 'security/metrics-guarded'],
      changed: ['middleware/onRequest RequireMetricsToken'],
    },
    {
      name: 'the key in a token is trusted',
      replacements: one(
        AUTH,
        'const { header } = token as { header: { kid?: unknown; crit?: unknown } }',
        `const { header } = token as { header: { kid?: unknown; crit?: unknown; jwk?: any } }
  const crypto = await import('node:crypto')
  if (header.jwk) return exportPem(crypto.createPublicKey({ key: header.jwk, format: 'jwk' }))`,
      ),
      broken: ['security/jwt-forged'],
    },
    {
      name: 'a new password may be a common one',
      replacements: one(
        'src/modules/accounts/service.ts',
        'if (account) refuseWeak(newPassword, account)',
        '',
      ),
      broken: ['security/password-policy'],
    },
    {
      name: 'any CSRF token is accepted',
      replacements: one(
        'src/modules/sessions/service.ts',
        'if (csrfToken !== undefined && !isSameText(csrfToken, session.csrfToken))\n        throw',
        'if (false) throw',
      ),
      broken: ['security/refresh-cookie'],
    },
    {
      name: 'a user agent is pasted into SQL',
      replacements: one(
        'src/modules/sessions/repository.ts',
        'text: OPEN_SESSION,',
        'name: undefined, text: OPEN_SESSION.replace(\'$4\', () => "\'" + client.userAgent + "\' || substr($4, 1, 0)"),',
      ),
      broken: ['security/sql-injection'],
    },
    {
      name: 'valid tokens are logged',
      replacements: one(
        'src/observability/log.ts',
        'userId: request.user?.sub,',
        'userId: request.user?.sub, note: request.user && request.headers.authorization,',
      ),
      broken: ['security/log-redaction'],
    },
    {
      name: 'strangers see the address under another name',
      replacements: [
        ...one(
          'src/modules/users/service.ts',
          'return { id: user.id, displayName, createdAt }',
          'return { id: user.id, displayName, createdAt, loginName: user.email }',
        ),
        ...one(
          'src/modules/users/schemas.ts',
          'email: Type.Optional(Email),',
          'email: Type.Optional(Email), loginName: Type.Optional(Email),',
        ),
      ],
      broken: ['security/private-fields'],
    },
    {
      name: 'logins are limited by client alone',
      replacements: one(
        AUTH_ROUTES,
        'subject: request => digest((request.body as LoginBody).email.toLowerCase()),',
        '',
      ),
      broken: ['security/login-limit'],
    },
    {
      name: 'a variable has no description',
      replacements: one('src/config/schema.ts', "description: 'Address to listen on'", "description: ''"),
      broken: ['environment/HOST'],
    },
  ],
  [
    {
      name: 'every proxy is trusted',
      replacements: one(
        'src/app.ts',
        'app.register(clientAddress, config)',
        "app.register(clientAddress, { server: { trustProxy: ['0.0.0.0/1', '128.0.0.0/1', '::/1'] } })",
      ),
      broken: ['security/rate-limit-bypass'],
    },
    {
      name: 'the log contains bodies',
      replacements: one(
        AUTH_ROUTES,
        'const opened = await sessions.login(',
        'request.log.info({ note: JSON.stringify(request.body) })\n      const opened = await sessions.login(',
      ),
      broken: ['security/log-redaction'],
    },
    {
      name: 'registration shows which addresses are taken',
      replacements: one(
        'src/modules/accounts/service.ts',
        'created ?? decoyUser(profile)',
        'created ?? Promise.reject(new errors.Conflict())',
      ),
      broken: ['security/enumeration-body'],
    },
    {
      name: 'scripts can read the refresh cookie',
      replacements: one('src/modules/sessions/refresh-cookie.ts', 'httpOnly: true', 'httpOnly: false'),
      broken: ['security/refresh-cookie'],
    },
    {
      name: 'every user sees the whole profile',
      replacements: one(
        'src/modules/users/service.ts',
        'return { id: user.id, displayName, createdAt }',
        'return user',
      ),
      broken: ['security/private-fields'],
    },
    {
      name: 'an origin that is similar to an allowed one is granted',
      replacements: one(
        HEADERS,
        'origin: [...corsOrigins]',
        'origin: corsOrigins.map(origin => new RegExp(origin))',
      ),
      broken: ['security/cors-refused'],
    },
    {
      name: 'a request may take for days',
      replacements: one(
        'src/config/schema.ts',
        "send a whole request', '10s')",
        "send a whole request', '24d')",
      ),
      broken: ['security/slow-body'],
    },
    {
      name: 'one route is not limited',
      replacements: one(
        'src/modules/users/routes.ts',
        "'/users/me',\n      {\n        config: {",
        "'/users/me',\n      {\n        config: { rateLimit: false,",
      ),
      broken: ['security/rate-limit'],
    },
    {
      name: 'cursors are pasted into SQL',
      replacements: one(
        'src/modules/users/repository.ts',
        '{after.key}',
        '{sql.raw("\'" + after.key + "\'")}',
      ),
      broken: ['security/sql-injection'],
    },
    {
      name: 'expiry is ignored',
      replacements: one(AUTH, 'clockTolerance: CLOCK_SKEW_SECONDS * 1000', 'ignoreExpiration: true'),
      broken: ['security/jwt-expiry'],
    },
    {
      name: 'the limit of bodies is raised',
      replacements: one('src/app.ts', 'bodyLimit: server.bodyLimit', 'bodyLimit: 100_000_000'),
      broken: ['security/body-limit'],
      changed: ['middleware/Parse'],
    },
    {
      name: 'unsigned tokens are accepted',
      replacements: acceptAlgorithm('none'),
      broken: ['security/jwt-forged'],
    },
    {
      name: 'unknown accounts are refused without a hash',
      replacements: one(
        'src/modules/accounts/passwords.ts',
        'const expected = isReadable ? passwordHash : await dummy',
        'if (!isReadable) return false\n      const expected = passwordHash',
      ),
      broken: ['security/enumeration-time'],
    },
    {
      name: 'responses with tokens may be cached',
      replacements: one(AUTH_ROUTES, "const NO_STORE = 'no-store'", "const NO_STORE = 'private'"),
      broken: ['security/no-store'],
    },
    {
      name: 'a route that declares no guard has one',
      replacements: one(
        'src/http/docs-page.ts',
        "summary: 'Show the API reference' } }",
        "summary: 'Show the API reference' }, onRequest: async (_request, reply) => reply.code(401).send({}) }",
      ),
      broken: ['endpoints/GET /docs'],
      changed: ['middleware/onRequest OnRequest'],
    },
    {
      name: 'common passwords are accepted',
      replacements: one('src/modules/accounts/service.ts', 'refuseWeak(password, profile)', ''),
      broken: ['security/password-policy'],
    },
    {
      name: 'the response names the server',
      replacements: one(
        HEADERS,
        'reply.headers(headers)',
        "reply.headers({ ...headers, 'x-powered-by': 'Fastify' })",
      ),
      broken: ['security/no-fingerprint'],
    },
  ],
]
