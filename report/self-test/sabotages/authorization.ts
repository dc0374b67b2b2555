/** Sabotages of authorization: whose objects a user can reach, and which routes are for admins. */
import { edit, type Trial } from '../trial.ts'

const GUARDS = 'src/modules/sessions/plugin.ts'
const NOTES = 'src/modules/notes/repository.ts'
const NOTES_ROUTES = 'src/modules/notes/routes.ts'
const NOTES_SCHEMAS = 'src/modules/notes/schemas.ts'
const USERS = 'src/modules/users/service.ts'
const USERS_ROUTES = 'src/modules/users/routes.ts'
const USERS_SCHEMAS = 'src/modules/users/schemas.ts'

const OWN_NOTES = 'ownerOf: ({ params }) => notes.ownerOf((params as IdParams).id)'
const FOREIGN_NOTES = 'security/notes-owner|security/objects-of-others'
const FOREIGN_USERS = 'security/owner-only|security/objects-of-others'

/** Opens the notes of others to a method: the guard passes, and the statement does not name the owner. */
const openNotes = (method: string, statement: string) => [
  edit(
    NOTES_ROUTES,
    OWN_NOTES,
    `ownerOf: ({ params, method, user }) => method === '${method}' ? user.sub : notes.ownerOf((params as IdParams).id)`,
  ),
  edit(NOTES, `${statement}isOwn(own))`, `${statement}eq(notes.id, own.id))`),
]

export const authorization: Trial[] = [
  {
    name: 'an owner guard passes every user',
    changes: [
      edit(
        USERS_ROUTES,
        'ownerOf: ({ params }) => (params as IdParams).id.toLowerCase()',
        'ownerOf: ({ user }) => user.sub',
      ),
    ],
    turns: ['endpoints/PUT /api/v1/users/:id', FOREIGN_USERS],
    also: ['security/owner-only', 'security/objects-of-others'],
  },
  {
    name: 'a profile can be changed by every user',
    changes: [
      edit(
        USERS_ROUTES,
        "requires: 'owner', ownerOf: ({ params }) => (params as IdParams).id.toLowerCase()",
        "requires: 'user'",
      ),
      edit(
        USERS_ROUTES,
        'return users.update(request.user,',
        'return users.update({ ...request.user, sub: request.params.id },',
      ),
    ],
    turns: [FOREIGN_USERS],
    changed: ['endpoints/PUT /api/v1/users/:id'],
    also: ['security/owner-only', 'security/objects-of-others', 'security/no-server-errors', 'middleware/*'],
  },
  {
    name: 'every user can read a note',
    changes: openNotes('GET', 'db.select(columns).from(notes).where('),
    turns: ['endpoints/GET /api/v1/notes/:id', FOREIGN_NOTES],
    also: ['security/notes-owner', 'security/objects-of-others'],
  },
  {
    name: 'every user can change a note',
    changes: openNotes('PUT', '.set({ ...content, updatedAt: sql`now()` })\n    .where('),
    turns: ['endpoints/PUT /api/v1/notes/:id', FOREIGN_NOTES],
    also: ['security/notes-owner', 'security/objects-of-others'],
  },
  {
    name: 'every user can delete a note',
    changes: openNotes('DELETE', 'await db.delete(notes).where('),
    turns: ['endpoints/DELETE /api/v1/notes/:id', FOREIGN_NOTES],
    also: ['security/notes-owner', 'security/objects-of-others'],
  },
  {
    name: 'HEAD reads the notes of others',
    changes: openNotes('HEAD', 'db.select(columns).from(notes).where('),
    turns: [FOREIGN_NOTES],
    also: ['security/notes-owner', 'security/objects-of-others'],
  },
  {
    name: 'a list shows the notes of others',
    changes: [edit(NOTES, '        eq(ownerId, owner),\n', '')],
    turns: [FOREIGN_NOTES],
    also: ['security/notes-owner', 'security/objects-of-others'],
  },
  {
    name: 'the second page of a list shows the notes of others',
    changes: [
      edit(NOTES, '        eq(ownerId, owner),\n', '        after ? undefined : eq(ownerId, owner),\n'),
    ],
    turns: [FOREIGN_NOTES],
    also: ['security/notes-owner', 'security/objects-of-others'],
  },
  {
    name: 'a filter of a list shows the notes of others',
    changes: [
      edit(
        NOTES,
        '        eq(ownerId, owner),\n',
        '        updatedSince ? undefined : eq(ownerId, owner),\n',
      ),
    ],
    turns: [FOREIGN_NOTES],
    also: ['security/notes-owner', 'security/objects-of-others'],
  },
  {
    name: 'the refusal shows whether the note of another user exists',
    changes: [
      edit(
        GUARDS,
        'if ((await ownerOf(request)) === request.user.sub) return\n    throw isHidden ? new errors.NotFound() : new errors.Forbidden()',
        'const owner = await ownerOf(request)\n    if (owner === request.user.sub) return\n    throw isHidden && owner === undefined ? new errors.NotFound() : new errors.Forbidden()',
      ),
    ],
    turns: [FOREIGN_NOTES],
    also: ['security/notes-owner', 'security/objects-of-others', 'middleware/onRequest Auth'],
  },
  {
    name: 'a route shows all notes to everyone',
    changes: [
      edit(
        NOTES_ROUTES,
        '  app.register(async function signedIn(scope: typeof app) {',
        "  app.get('/notes/latest', { schema: { summary: 'List the latest notes' } }, async function listLatest() {\n    return (await app.database.pool.query('select id, title, body from notes order by created_at desc limit 100')).rows\n  })\n\n  app.register(async function signedIn(scope: typeof app) {",
      ),
    ],
    turns: [FOREIGN_NOTES],
    changed: ['endpoints/GET /api/v1/notes/latest'],
    also: ['security/notes-owner', 'security/objects-of-others'],
  },
  {
    name: 'one admin route is open to users',
    changes: [
      edit(
        GUARDS,
        "done(request.user.role === 'admin' ?",
        "done(request.user.role === 'admin' || request.url.endsWith('/enable') ?",
      ),
    ],
    turns: ['security/admin-only', 'endpoints/POST /api/v1/users/:id/enable'],
    also: ['security/objects-of-others'],
  },
  {
    name: 'HEAD of an admin route is open to users',
    changes: [
      edit(
        GUARDS,
        "done(request.user.role === 'admin' ?",
        "done(request.user.role === 'admin' || request.method === 'HEAD' ?",
      ),
    ],
    turns: ['security/admin-only'],
    also: ['security/guards', 'security/objects-of-others'],
  },
  {
    name: 'an admin guard is removed from a route',
    changes: [
      edit(
        USERS_ROUTES,
        "  app.register(async function admins(scope: typeof app) {\n    app.guard(scope, { requires: 'admin' })",
        "  app.register(async function admins(scope: typeof app) {\n    app.guard(scope, { requires: 'user' })",
      ),
    ],
    turns: ['security/admin-only|security/private-fields|security/objects-of-others'],
    changed: [
      'endpoints/GET /api/v1/users',
      'endpoints/POST /api/v1/users/:id/disable',
      'endpoints/POST /api/v1/users/:id/enable',
    ],
    also: ['security/*', 'middleware/*'],
  },
  {
    name: 'a header makes a user an admin',
    changes: [
      edit(
        GUARDS,
        "done(request.user.role === 'admin' ?",
        "done(request.user.role === 'admin' || request.headers['x-user-role'] === 'admin' ?",
      ),
    ],
    turns: ['security/undeclared-input'],
    also: ['security/admin-only'],
  },
  {
    name: 'a parameter shows the whole profile of others',
    changes: [
      edit(
        USERS_ROUTES,
        'return users.view(request.params.id, request.user)',
        "return users.view(request.params.id, 'full' in (request.query as object) ? { ...request.user, role: 'admin' } : request.user)",
      ),
    ],
    turns: ['security/undeclared-input'],
    also: ['security/private-fields'],
  },
  {
    name: 'strangers see the address under another name',
    changes: [
      edit(
        USERS,
        'return { id: user.id, displayName, createdAt }',
        'return { id: user.id, displayName, createdAt, loginName: user.email }',
      ),
      edit(
        USERS_SCHEMAS,
        'email: Type.Optional(Email),',
        'email: Type.Optional(Email), loginName: Type.Optional(Email),',
      ),
    ],
    turns: ['security/private-fields'],
    also: ['security/objects-of-others'],
  },
  {
    name: 'unknown fields of a profile are ignored',
    changes: [edit(USERS_SCHEMAS, 'UpdateBody = Strict({', 'UpdateBody = Type.Object({')],
    turns: ['security/mass-assignment'],
    also: ['security/input-validation', 'security/strict-bodies', 'security/undeclared-input'],
  },
  {
    name: 'a profile takes a role in a nested object',
    changes: [
      edit(
        USERS_SCHEMAS,
        'UpdateBody = Strict({ displayName: DisplayName, email: Email })',
        'UpdateBody = Strict({ displayName: DisplayName, email: Email, profile: Type.Optional(Type.Object({}, { additionalProperties: true })) })',
      ),
      edit(
        USERS,
        'updateProfile(tx, caller.sub, changes)',
        'updateProfile(tx, caller.sub, { ...changes, ...(changes as { profile?: object }).profile })',
      ),
    ],
    turns: ['security/mass-assignment'],
    also: ['security/undeclared-input'],
  },
  {
    name: 'a registration takes a role',
    changes: [
      edit('src/modules/accounts/schemas.ts', 'import type { Static }', 'import { type Static, Type }'),
      edit(
        'src/modules/accounts/schemas.ts',
        'password: NewPassword, displayName: DisplayName }',
        'password: NewPassword, displayName: DisplayName, role: Type.Optional(Type.Union([Type.Literal("user"), Type.Literal("admin")])) }',
      ),
    ],
    turns: ['security/mass-assignment'],
    also: ['security/no-server-errors', 'security/enumeration-body', 'security/sql-injection'],
  },
  {
    name: 'a note takes an owner',
    changes: [
      edit(
        NOTES_SCHEMAS,
        'NoteBody = Strict(content)',
        'NoteBody = Strict({ ...content, ownerId: Type.Optional(Uuid) })',
      ),
    ],
    turns: ['security/mass-assignment|security/notes-owner|security/objects-of-others'],
    also: ['security/mass-assignment', 'security/notes-owner', 'security/objects-of-others'],
  },
].map(trial => ({ kind: 'authorization', ...trial }))
