/** Sabotages of what the service accepts: bodies, content types, sizes, and slow or malformed requests. */
import { edit, type Trial } from '../trial.ts'

const VALIDATION = 'src/http/validation.ts'
const NOTES = 'src/modules/notes/routes.ts'
const APP = 'src/app.ts'

const WITHOUT_SCHEMA = [
  'security/no-server-errors',
  'security/strict-bodies',
  'security/mass-assignment',
  'security/malformed-input',
  'security/sql-injection',
  'security/undeclared-input',
  'security/validation-errors',
]

/** Adds a parser for another content type. */
const parse = (type: string, parser: string) => [
  edit(VALIDATION, "length === 0 || request.mediaType !== 'application/json'", 'length === 0'),
  edit(
    VALIDATION,
    "app.addContentTypeParser('*', refuseContent)",
    `app.addContentTypeParser('${type}', { parseAs: 'string' }, ${parser})\n    app.addContentTypeParser('*', refuseContent)`,
  ),
]

export const input: Trial[] = [
  {
    name: 'a route has no schema for its body',
    changes: [edit(NOTES, 'params: IdParams,\n          body: NoteBody,', 'params: IdParams,')],
    turns: ['security/input-validation'],
    also: [...WITHOUT_SCHEMA, 'endpoints/PUT /api/v1/notes/:id'],
  },
  {
    name: 'a public route has no schema for its body',
    changes: [edit('src/modules/accounts/routes.ts', 'body: RegisterBody,\n', '')],
    turns: ['security/input-validation'],
    also: [
      'security/password-policy',
      ...WITHOUT_SCHEMA,
      'endpoints/POST /api/v1/auth/register',
      'security/enumeration-body',
      'middleware/*',
    ],
  },
  {
    name: 'types are coerced in bodies',
    changes: [edit(VALIDATION, 'coerceTypes: false', "coerceTypes: 'array' as never")],
    turns: ['security/strict-bodies'],
    also: ['security/input-validation', 'security/malformed-input'],
  },
  {
    name: 'unknown fields of a note are ignored',
    changes: [
      edit('src/modules/notes/schemas.ts', 'NoteBody = Strict(content)', 'NoteBody = Type.Object(content)'),
    ],
    turns: ['security/strict-bodies|security/mass-assignment'],
    also: ['security/strict-bodies', 'security/mass-assignment', 'security/undeclared-input'],
  },
  {
    name: 'JSON is read from plain text',
    changes: parse(
      'text/plain',
      '(_request, body, done) => { try { done(null, JSON.parse(String(body))) } catch { done(new errors.BadRequest()) } }',
    ),
    turns: ['security/strict-bodies'],
    also: ['middleware/*'],
  },
  {
    name: 'forms are read',
    changes: parse(
      'application/x-www-form-urlencoded',
      '(_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body))))',
    ),
    turns: ['security/strict-bodies'],
    also: ['middleware/*'],
  },
  {
    name: 'bodies that are not UTF-8 are accepted',
    changes: [edit(VALIDATION, 'isUtf8(body) && !isMarked', '!isMarked')],
    turns: ['security/malformed-input'],
  },
  {
    name: 'a body pollutes the prototype of all objects',
    changes: [
      edit(
        VALIDATION,
        "app.getDefaultJsonParser('error', 'error')",
        "app.getDefaultJsonParser('ignore', 'ignore')",
      ),
      edit('src/modules/notes/schemas.ts', 'NoteBody = Strict(content)', 'NoteBody = Type.Object(content)'),
      edit(
        NOTES,
        'return reply.code(201).send(await notes.create(',
        'const merge = (to: any, from: any) => { for (const key of Object.keys(from)) if (typeof from[key] === "object" && from[key] !== null) { to[key] ??= {}; merge(to[key], from[key]) } else to[key] = from[key]; return to }\n        merge({}, request.body)\n        return reply.code(201).send(await notes.create(',
      ),
    ],
    turns: ['security/malformed-input'],
    // Every object of the process has the members of the body from then on.
    also: ['security/*', 'endpoints/*', 'middleware/*'],
  },
  {
    name: 'the limit of bodies is raised',
    changes: [edit(APP, 'bodyLimit: server.bodyLimit', 'bodyLimit: 100_000_000')],
    turns: ['security/body-limit'],
    changed: ['middleware/Parse'],
    also: ['security/problem-details'],
  },
  {
    name: 'one route takes bodies of any size',
    changes: [
      edit(
        NOTES,
        "'/notes',\n      { schema: { summary: 'Create a note'",
        "'/notes',\n      { bodyLimit: 100_000_000, schema: { summary: 'Create a note'",
      ),
    ],
    turns: ['security/body-limit'],
  },
  {
    name: 'a request may take for days',
    changes: [edit('src/config/schema.ts', "send a whole request', '10s')", "send a whole request', '24d')")],
    turns: ['security/slow-body'],
  },
  {
    name: 'slow requests are never ended',
    changes: [
      edit(APP, 'requestTimeout: server.requestTimeout', 'requestTimeout: 0'),
      edit(APP, 'headersTimeout: server.requestTimeout', 'headersTimeout: 0'),
    ],
    turns: ['security/slow-body'],
  },
  {
    name: 'the parser of HTTP is lenient',
    changes: [
      edit(APP, 'requireHostHeader: false', 'insecureHTTPParser: true,\n      requireHostHeader: false'),
    ],
    turns: ['security/request-smuggling'],
  },
  {
    name: 'headers of a megabyte are accepted',
    changes: [
      edit(APP, 'requireHostHeader: false', 'maxHeaderSize: 1 << 20,\n      requireHostHeader: false'),
    ],
    turns: ['security/long-headers'],
    also: ['security/problem-details'],
  },
].map(trial => ({ kind: 'input', ...trial }))
