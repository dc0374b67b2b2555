/** Sabotages of the order of hooks, and of guards that routes do not declare. */
import { edit, type Trial } from '../trial.ts'

const APP = 'src/app.ts'
const GUARDS = 'src/modules/sessions/plugin.ts'

const SECURITY_HEADERS = '  await app.register(securityHeaders, config)\n'
const RATE_LIMIT = '  await app.register(rateLimit, config)\n'
const DATABASE = '  await app.register(database, config)\n'

export const middleware: Trial[] = [
  {
    name: 'the security headers are set after the rate limit',
    changes: [edit(APP, SECURITY_HEADERS, ''), edit(APP, RATE_LIMIT, RATE_LIMIT + SECURITY_HEADERS)],
    turns: ['security/security-headers'],
    also: ['middleware/*', 'security/no-store', 'security/cors-*'],
  },
  {
    name: 'the rate limit is registered after the first routes',
    changes: [
      edit(APP, RATE_LIMIT, ''),
      edit(APP, '  app.refuseOtherMethods()\n', `${RATE_LIMIT}  app.refuseOtherMethods()\n`),
      edit(APP, DATABASE, `${DATABASE}  app.decorate('limit', () => async () => {})\n`),
      edit(
        'src/http/rate-limit.ts',
        "app.decorate('limit', ({ name, max, subject }) => {",
        'const limit: FastifyInstance["limit"] = (({ name, max, subject }) => {',
      ),
      edit('src/http/rate-limit.ts', 'const limitClient = app.limit(', 'const limitClient = limit('),
    ],
    turns: ['security/rate-limit'],
    also: ['security/rate-limit-bypass', 'security/login-limit', 'middleware/*'],
  },
  {
    name: 'guards run after validation',
    changes: [
      edit(GUARDS, "scope.addHook('onRequest', authenticate)", "scope.addHook('preHandler', authenticate)"),
      edit(
        GUARDS,
        "scope.addHook('onRequest', createRequireOwner(guard))",
        "scope.addHook('preHandler', createRequireOwner(guard))",
      ),
      edit(GUARDS, "scope.addHook('onRequest', requireAdmin)", "scope.addHook('preHandler', requireAdmin)"),
    ],
    turns: ['endpoints/PUT /api/v1/auth/password'],
    also: ['endpoints/*', 'middleware/*', 'security/*'],
  },
  {
    name: 'a route that declares no guard has one',
    changes: [
      edit(
        'src/http/docs-page.ts',
        "summary: 'Show the API reference' } }",
        "summary: 'Show the API reference' }, onRequest: async (_request, reply) => reply.code(401).send({}) }",
      ),
    ],
    turns: ['endpoints/GET /docs'],
    also: [
      'security/cors-allowed',
      'middleware/onRequest OnRequest',
      'security/problem-details',
      'security/security-headers',
      'security/undocumented-routes',
    ],
  },
  {
    name: 'load is never shed',
    changes: [
      edit(
        'src/http/overload.ts',
        'if (readDelay() <= maxEventLoopDelay) return done()',
        'if (readDelay() >= 0) return done()',
      ),
    ],
    turns: [],
    changed: ['middleware/onRequest Overload'],
  },
].map(trial => ({ kind: 'middleware', ...trial }))
