/** Changes that harm nothing: no row may turn. */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { after, before, type Change, edit, type Trial } from './trial.ts'

export const HARMLESS = 'harmless'

const APP = 'src/app.ts'
const SCHEMAS = 'src/lib/schemas.ts'
const USERS = 'src/modules/users/schemas.ts'
const USERS_TABLE = 'src/modules/users/tables.ts'
const ACCOUNTS = 'src/modules/accounts/schemas.ts'
const NOTES = 'src/modules/notes/routes.ts'
const HEADERS = 'src/http/security-headers.ts'
const JOURNAL = 'drizzle/meta/_journal.json'
const TAG = '20991231235959_self_test'

const SNAPSHOTS = fileURLToPath(new URL('../../drizzle/meta/', import.meta.url))

type Column = { name: string; type: string; primaryKey: boolean; notNull: boolean; default?: string }
type Snapshot = { id: string; prevId: string; tables: Record<string, { columns: Record<string, Column> }> }

/** Adds a migration as drizzle-kit does: its SQL, its snapshot and its entry in the journal. */
function migration(sql: string, change: (snapshot: Snapshot) => void): Change[] {
  const latest =
    readdirSync(SNAPSHOTS)
      .filter(name => name.endsWith('_snapshot.json'))
      .sort()
      .at(-1) ?? ''
  const entry = (idx: number) =>
    `,\n    { "idx": ${idx}, "version": "7", "when": 4102444799000, "tag": "${TAG}", "breakpoints": true }\n  ]\n}`
  const last = readdirSync(SNAPSHOTS).length - 1
  return [
    { add: `drizzle/${TAG}.sql`, text: sql },
    {
      add: `drizzle/meta/20991231235959_snapshot.json`,
      text: (read: (file: string) => string) => {
        const snapshot = JSON.parse(read(`drizzle/meta/${latest}`)) as Snapshot
        Object.assign(snapshot, { prevId: snapshot.id, id: crypto.randomUUID() })
        change(snapshot)
        return JSON.stringify(snapshot, null, 2)
      },
    },
    edit(JOURNAL, '\n    }\n  ]\n}', `\n    }${entry(last)}`),
  ]
}

const column = (name: string, isRequired: boolean) => (snapshot: Snapshot) => {
  const { columns = {} } = snapshot.tables['public.users'] ?? {}
  columns[name] = {
    name,
    type: 'text',
    primaryKey: false,
    notNull: isRequired,
    ...(isRequired && { default: "'NL'" }),
  }
}

/** Adds a field to profiles, registrations and the table of users. */
const profileField = (name: string, schema: string, isRequired: boolean): Change[] => [
  ...migration(
    `ALTER TABLE "users" ADD COLUMN "${name}" text${isRequired ? " DEFAULT 'NL' NOT NULL" : ''};`,
    column(name, isRequired),
  ),
  after(
    USERS_TABLE,
    "displayName: text('display_name').notNull(),",
    `\n    ${name}: text('${name}')${isRequired ? ".notNull().default('NL')" : ''},`,
  ),
  after(USERS_TABLE, 'displayName: users.displayName,', `\n  ${name}: users.${name},`),
  edit(
    USERS,
    'export const User = Strict({\n  id: Uuid,',
    `export const User = Strict({\n  id: Uuid,\n  ${name}: ${isRequired ? schema : `Type.Optional(Type.Union([${schema}, Type.Null()]))`},`,
  ),
  edit(
    USERS,
    '...PublicUser.properties,',
    `...PublicUser.properties,\n  ${name}: Type.Optional(Type.Union([${schema}, Type.Null()])),`,
  ),
  edit(
    USERS,
    'UpdateBody = Strict({ displayName: DisplayName,',
    `UpdateBody = Strict({ ${name}: ${isRequired ? schema : `Type.Optional(${schema})`}, displayName: DisplayName,`,
  ),
  edit(ACCOUNTS, 'import type { Static }', 'import { type Static, Type }'),
  edit(
    ACCOUNTS,
    'password: NewPassword, displayName: DisplayName }',
    `password: NewPassword, displayName: DisplayName, ${name}: ${isRequired ? schema : `Type.Optional(${schema})`} }`,
  ),
]

const NOTES_ENDPOINTS = [
  'endpoints/GET /api/v1/notes',
  'endpoints/POST /api/v1/notes',
  'endpoints/GET /api/v1/notes/:id',
  'endpoints/PUT /api/v1/notes/:id',
  'endpoints/DELETE /api/v1/notes/:id',
]

export const harmless: readonly Trial[] = [
  { name: 'nothing is changed', changes: [] },
  {
    name: 'the API has another prefix',
    changes: [edit(APP, "PREFIX = '/api/v1'", "PREFIX = '/v2'")],
    renames: [{ from: '/api/v1', to: '/v2' }],
  },
  {
    name: 'the API has a prefix of three parts',
    changes: [edit(APP, "PREFIX = '/api/v1'", "PREFIX = '/services/orders/v3'")],
    renames: [{ from: '/api/v1', to: '/services/orders/v3' }],
  },
  {
    name: 'the service has another name',
    changes: [
      edit('src/config/service-name.ts', "SERVICE_NAME = 'plumbline'", "SERVICE_NAME = 'Orders API'"),
      edit('src/config/service-name.ts', "SERVICE_TITLE = 'Plumbline'", "SERVICE_TITLE = 'Orders'"),
      edit('package.json', '"name": "plumbline"', '"name": "orders-api"'),
    ],
  },
  {
    name: 'a profile has one more field, which is optional',
    changes: profileField('bio', 'Type.String({ maxLength: 500 })', false),
    migrates: true,
    changed: [`database/${TAG}`],
  },
  {
    name: 'a profile has one more field, which is required',
    changes: profileField('country', "Type.String({ pattern: '^[A-Z]{2}$', examples: ['NL'] })", true),
    migrates: true,
    changed: [`database/${TAG}`],
  },
  {
    name: 'the notes are removed',
    changes: [
      { remove: 'src/modules/notes' },
      edit('src/modules/index.ts', "import { notes } from './notes/module.ts'\n", ''),
      edit('src/modules/index.ts', 'audit, notes]', 'audit]'),
    ],
    sql: 'drop table notes',
    also: [...NOTES_ENDPOINTS, 'security/notes-owner'],
  },
  {
    name: 'the docs are off',
    changes: [],
    environment: { DOCS: 'off' },
    also: ['endpoints/GET /docs', 'endpoints/GET /docs/scalar.js', 'endpoints/GET /openapi.json', 'stack/*'],
  },
  {
    name: 'the limits are other ones',
    changes: [],
    environment: { RATE_LIMIT_MAX: '250', LOGIN_RATE_LIMIT_MAX: '6', REGISTER_RATE_LIMIT_MAX: '20' },
  },
  {
    name: 'passwords are hashed with more memory and more passes',
    changes: [
      edit(
        'src/modules/accounts/passwords.ts',
        'memoryCost: 19_456, timeCost: 2',
        'memoryCost: 47_104, timeCost: 3',
      ),
    ],
  },
  {
    name: 'passwords have at least twelve characters',
    changes: [edit(SCHEMAS, 'PASSWORD_MIN = 8', 'PASSWORD_MIN = 12')],
  },
  {
    name: 'a hook is added',
    changes: [
      before(
        APP,
        '  await app.register(methodNotAllowed)',
        "  app.addHook('onRequest', function noteStart(request, _reply, done) {\n    request.log.trace('started')\n    done()\n  })\n",
      ),
    ],
    changed: ['middleware/onRequest NoteStart'],
  },
  {
    name: 'a header is added to every response',
    changes: [
      edit(
        HEADERS,
        "'cache-control': 'no-store' }",
        "'cache-control': 'no-store', 'permissions-policy': 'camera=()' }",
      ),
    ],
  },
  {
    name: 'validation is registered before the rate limit',
    changes: [
      edit(
        APP,
        '  await app.register(rateLimit, config)\n  await app.register(validation)\n',
        '  await app.register(validation)\n  await app.register(rateLimit, config)\n',
      ),
    ],
  },
  {
    name: 'the refresh cookie has another name',
    changes: [
      edit(
        'src/modules/sessions/refresh-cookie.ts',
        "REFRESH_COOKIE = '__Host-refresh'",
        "REFRESH_COOKIE = '__Host-session'",
      ),
      edit('src/http/openapi.ts', "name: '__Host-refresh'", "name: '__Host-session'"),
    ],
  },
  {
    name: 'the security headers have other values that are as strong',
    changes: [
      edit(
        HEADERS,
        'maxAge: 63_072_000, includeSubDomains: true',
        'maxAge: 31_536_000, includeSubDomains: true, preload: true',
      ),
      edit(HEADERS, "referrerPolicy: { policy: 'no-referrer' }", "referrerPolicy: { policy: 'same-origin' }"),
      edit(HEADERS, "frameguard: { action: 'deny' }", "frameguard: { action: 'sameorigin' }"),
      edit(HEADERS, 'defaultSrc: ["\'none\'"],', 'defaultSrc: ["\'none\'"],\n      sandbox: [],'),
    ],
  },
  {
    name: 'tokens have another issuer and another audience',
    changes: [],
    environment: { JWT_ISSUER: 'https://id.example.com/', JWT_AUDIENCE: 'orders' },
  },
  {
    name: 'the service listens on all addresses',
    changes: [],
    environment: { HOST: '0.0.0.0' },
  },
  {
    name: 'more origins are allowed',
    changes: [],
    environment: {
      CORS_ORIGINS: 'https://app.report.test, https://admin.example.com, http://localhost:5173',
    },
  },
  {
    name: 'a proxy of another network is trusted',
    changes: [],
    environment: { TRUST_PROXY: '10.0.0.0/8' },
  },
  {
    name: 'lifetimes are shorter',
    changes: [],
    environment: { ACCESS_TOKEN_TTL: '5m', REFRESH_TOKEN_TTL: '1d', SESSION_TTL: '7d' },
  },
  {
    name: 'bodies have a smaller limit',
    changes: [],
    environment: { BODY_LIMIT: '16384' },
  },
  {
    name: 'the log is detailed',
    changes: [],
    environment: { LOG_LEVEL: 'debug' },
  },
  {
    name: 'a public route is added',
    changes: [
      before(
        'src/http/health.ts',
        "    app.get(\n      '/health/ready',",
        "    app.get(\n      '/version',\n      { schema: { tags: ['health'], summary: 'Report the version', response: { 200: Type.Object({ version: Type.String() }) } } },\n      async function getVersion() {\n        return { version: '1' }\n      },\n    )\n\n",
      ),
    ],
    changed: ['endpoints/GET /version'],
  },
  {
    name: 'a guarded route is added',
    changes: [
      before(
        NOTES,
        "    scope.post(\n      '/notes',",
        "    scope.get(\n      '/notes/statistics',\n      { schema: { summary: 'Count own notes', response: { 200: Type.Object({ count: Type.Integer() }) } } },\n      async function countNotes(request) {\n        const { items } = await notes.list(request.user.sub, { limit: 100 })\n        return { count: items.length }\n      },\n    )\n\n",
      ),
    ],
    changed: ['endpoints/GET /api/v1/notes/statistics'],
  },
  {
    name: 'a note has one more field in its body only',
    changes: [
      edit(
        'src/modules/notes/schemas.ts',
        'NoteBody = Strict(content)',
        'NoteBody = Strict({ ...content, draft: Type.Optional(Type.Boolean()) })',
      ),
    ],
  },
  {
    name: 'pages are longer',
    changes: [
      edit(SCHEMAS, 'maximum: 100, default: 20', 'maximum: 500, default: 50'),
      edit('src/modules/notes/service.ts', '{ limit = 20, cursor', '{ limit = 50, cursor'),
      edit('src/modules/users/service.ts', 'limit = 20, cursor', 'limit = 50, cursor'),
    ],
  },
  {
    name: 'there is one more error code',
    changes: [
      after(
        'src/http/errors.ts',
        "  Conflict: createError('CONFLICT', 'The request conflicts with the state of the resource', 409),",
        "\n  Gone: createError('GONE', 'The resource was removed', 410),",
      ),
    ],
  },
  {
    name: 'errors have other titles',
    changes: [
      edit('src/http/errors.ts', "'There is no such resource'", "'Not found'"),
      edit('src/modules/sessions/errors.ts', "'E-mail or password is wrong'", "'Invalid credentials'"),
    ],
  },
  {
    name: 'handlers have other names',
    changes: [
      edit('src/modules/users/routes.ts', 'async function getOwnProfile(', 'async function readMe('),
      edit(NOTES, 'async function getNote(', 'async function readNote('),
      edit('src/modules/sessions/routes.ts', 'async function login(', 'async function issue('),
    ],
  },
  {
    name: 'the notes of others are refused with 403 in place of 404',
    changes: [edit(NOTES, '      isHidden: true,\n', '')],
  },
  {
    name: 'a summary is worded in another way',
    changes: [edit(NOTES, "summary: 'Fetch a note'", "summary: 'Read one note'")],
    changed: ['endpoints/GET /api/v1/notes/:id'],
  },
  {
    name: 'an index is added',
    changes: migration('CREATE INDEX "notes_title_idx" ON "notes" USING btree ("title");', () => {}),
    migrates: true,
    changed: [`database/${TAG}`],
  },
].map(trial => ({ kind: HARMLESS, turns: [], ...trial }))
