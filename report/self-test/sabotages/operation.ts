/** Sabotages of operation: secrets in the log and in the repository, metrics, settings, and routes that no one documented. */
import { randomBytes } from 'node:crypto'
import { after, before, edit, type Trial } from '../trial.ts'

const LOG = 'src/observability/log.ts'
const LOGIN = 'src/modules/sessions/routes.ts'
const METRICS = 'src/observability/metrics-route.ts'
const HEALTH = 'src/http/health.ts'
const SCHEMA = 'src/config/schema.ts'

/** Returns so many random letters and digits. */
function random(
  length: number,
  alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
): string {
  return Array.from(randomBytes(length), byte => alphabet[byte % alphabet.length]).join('')
}

const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const HEX = '0123456789abcdef'

/** A file of the repository with a secret. It is made for each run: no scanner may find one in this file. */
const secretIn = (name: string, file: string, text: () => string): Omit<Trial, 'kind'> => ({
  name,
  changes: [{ add: file, text: () => text() }],
  turns: ['security/repository-secrets'],
})

const WITH_HEALTH = 'const isDatabaseUsable = cached('

/** Adds a route that requires nothing. */
const addRoute = (url: string, options: string, handler: string) =>
  before(HEALTH, WITH_HEALTH, `app.get('${url}', { ${options} }, ${handler})\n    `)

export const operation: Trial[] = [
  {
    name: 'the log contains bodies',
    changes: [
      before(
        LOGIN,
        'const opened = await sessions.login(',
        'request.log.info({ note: JSON.stringify(request.body) })\n      ',
      ),
    ],
    turns: ['security/log-redaction'],
  },
  {
    name: 'valid tokens are logged',
    changes: [
      edit(
        LOG,
        'userId: request.user?.sub,',
        'userId: request.user?.sub, note: request.user && request.headers.authorization,',
      ),
    ],
    turns: ['security/log-redaction'],
  },
  {
    name: 'cookies are logged',
    changes: [
      edit(LOG, 'userId: request.user?.sub,', 'userId: request.user?.sub, note: request.headers.cookie,'),
    ],
    turns: ['security/log-redaction'],
  },
  {
    name: 'the log contains queries',
    changes: [
      edit(
        LOG,
        'path: query === -1 ? originalUrl : originalUrl.slice(0, query),',
        'path: query === -2 ? "" : originalUrl,',
      ),
    ],
    turns: ['security/log-redaction'],
  },
  {
    name: 'issued tokens are logged',
    changes: [
      before(
        LOGIN,
        "reply.header('cache-control', NO_STORE)\n      return isByCookie",
        'request.log.info({ issued: [opened.tokens.refreshToken] })\n      ',
      ),
    ],
    turns: ['security/log-redaction'],
  },
  {
    name: 'the new password of a change is logged',
    changes: [
      before(
        'src/modules/accounts/routes.ts',
        'await accounts.changePassword(',
        'request.log.warn(`password change: ${Object.values(request.body).join()}`)\n        ',
      ),
    ],
    turns: ['security/log-redaction'],
  },
  {
    name: 'the metrics are open to all',
    changes: [edit(METRICS, 'if (!timingSafeEqual(given, expected)) throw', 'if (false) throw')],
    turns: ['endpoints/GET /metrics', 'security/metrics-guarded'],
    also: ['security/guards', 'middleware/onRequest RequireMetricsToken'],
  },
  {
    name: 'HEAD of the metrics is open to all',
    changes: [edit(METRICS, 'if (!expected) return', "if (!expected || request.method === 'HEAD') return")],
    turns: ['security/metrics-guarded'],
    also: ['security/guards'],
  },
  {
    name: 'the access token of a user opens the metrics',
    changes: [
      edit(
        METRICS,
        'if (!timingSafeEqual(given, expected)) throw',
        "if (!timingSafeEqual(given, expected) && !request.headers.authorization?.startsWith('Bearer eyJ')) throw",
      ),
    ],
    turns: ['security/metrics-guarded'],
    also: ['security/guards'],
  },
  {
    name: 'a hidden route shows the settings',
    changes: [
      addRoute(
        '/internal/config',
        'schema: { hide: true }',
        'async function showSettings() {\n      return { ...process.env }\n    }',
      ),
    ],
    turns: ['security/undocumented-routes'],
    also: ['endpoints/GET /internal/config', 'environment/*'],
  },
  {
    name: 'a route of a debugger shows the heap',
    changes: [
      addRoute(
        '/debug/vars',
        'schema: { hide: true }',
        'async function showMemory() {\n      return process.memoryUsage()\n    }',
      ),
    ],
    turns: ['security/undocumented-routes'],
    also: ['endpoints/GET /debug/vars'],
  },
  {
    name: 'a route without a schema shows the key of the tokens',
    changes: [
      addRoute(
        '/api/v1/status',
        '',
        'async function showStatus() {\n      return { key: process.env.JWT_PRIVATE_KEY }\n    }',
      ),
    ],
    turns: ['security/undocumented-routes'],
    also: ['endpoints/GET /api/v1/status', 'environment/JWT_PRIVATE_KEY'],
  },
  secretIn(
    'a key of AWS is in the repository',
    'docs/deploy-notes.md',
    () => `aws_access_key_id = ${['AK', 'IA'].join('')}${random(16, CAPITALS)}\n`,
  ),
  secretIn(
    'a fine-grained token of GitHub is in the repository',
    'docs/release.md',
    () => `Push with ${['github', 'pat', ''].join('_')}${random(22)}_${random(59)}.\n`,
  ),
  secretIn(
    'a token of npm is in the repository',
    'docs/npmrc.txt',
    () => `//registry.npmjs.org/:_authToken=${['npm', ''].join('_')}${random(36)}\n`,
  ),
  secretIn(
    'a private key is in the repository',
    'deploy/id_ed25519',
    () =>
      `-----BEGIN ${'OPENSSH'} PRIVATE KEY-----\n${random(70)}\n${random(70)}\n${random(70)}\n-----END OPENSSH PRIVATE KEY-----\n`,
  ),
  secretIn(
    'a password of a database is in the repository',
    'deploy/worker.env',
    () => `DATABASE_URL=${'postgres'}://service:${random(20)}@db.internal.example.com:5432/service\n`,
  ),
  secretIn(
    'a signing secret is in the source',
    'src/lib/webhook-secret.ts',
    () => `/** Webhooks. */\nexport const webhookSecret = '${random(64, HEX)}'\n`,
  ),
  {
    name: 'a file of variables is in the repository',
    changes: [{ add: '.env.production', text: () => `METRICS_TOKEN=${random(32)}\n` }],
    turns: ['security/repository-secrets'],
  },
  {
    name: 'the image sets a secret',
    changes: [
      edit(
        'Dockerfile',
        'ENV NODE_ENV=production HOST=0.0.0.0',
        'ENV METRICS_TOKEN=0123456789abcdef0123\nENV NODE_ENV=production HOST=0.0.0.0',
      ),
    ],
    turns: ['security/image-secrets'],
    also: ['security/repository-secrets'],
  },
  {
    name: 'the image contains the whole folder, .env included',
    changes: [
      edit('Dockerfile', 'COPY src ./src', 'COPY . .'),
      edit('.dockerignore', '*\n!.npmrc', '.git\n!.npmrc'),
    ],
    turns: ['security/image-secrets'],
  },
  {
    name: 'production makes a signing key of its own',
    changes: [
      edit(
        'src/server.ts',
        'if (isProduction(environment) || cluster.isWorker) return environment',
        'if (cluster.isWorker) return environment',
      ),
      after(
        'src/server.ts',
        'const withKey = development.provideSigningKey(environment)',
        '\n  if (isProduction(environment)) return withKey',
      ),
    ],
    turns: ['security/config-required'],
    also: ['environment/*'],
  },
  {
    name: 'a missing setting is not named',
    changes: [
      edit(
        'src/config/config.ts',
        "error.keyword === 'required' ? 'is required' :",
        "error.keyword === 'required' ? '' :",
      ),
      edit(
        'src/config/config.ts',
        'return `${name} ${problem}: ${schema.description}`',
        'return `a setting is not valid`',
      ),
    ],
    turns: ['security/config-required'],
  },
  {
    name: 'a variable is read that is in no schema',
    changes: [
      edit(
        'src/server.ts',
        'preferCommonJsDrizzle()\n',
        'preferCommonJsDrizzle()\nvoid process.env.SECRET_SWITCH\n',
      ),
    ],
    turns: ['environment/SECRET_SWITCH'],
  },
  {
    name: 'a module destructures a variable that is in no schema',
    changes: [
      after(
        'src/modules/notes/routes.ts',
        'export const notesRoutes: FastifyPluginAsyncTypebox = async app => {',
        '\n  const { NOTES_PER_USER = 1000 } = process.env\n  app.log.debug({ NOTES_PER_USER })',
      ),
    ],
    turns: ['environment/NOTES_PER_USER'],
  },
  {
    name: 'a variable has no description',
    changes: [edit(SCHEMA, "description: 'Address to listen on'", "description: ''")],
    turns: ['environment/HOST'],
  },
  {
    name: 'a variable of a module has no description',
    changes: [
      edit('src/modules/accounts/settings.ts', "'Registrations that one client may send in a window'", "' '"),
    ],
    turns: ['environment/REGISTER_RATE_LIMIT_MAX'],
  },
].map(trial => ({ kind: 'operation', ...trial }))
