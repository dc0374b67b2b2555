/** Sabotages that put input into SQL, read input that no schema declares, or change state where a request only reads. */
import { edit, type Trial } from '../trial.ts'

const USERS = 'src/modules/users/repository.ts'
const USERS_ROUTES = 'src/modules/users/routes.ts'
const NOTES = 'src/modules/notes/repository.ts'
const NOTES_ROUTES = 'src/modules/notes/routes.ts'

const OWN_PROFILE = 'async function getOwnProfile(request) {'
const LIST_NOTES = 'async function listNotes(request) {'

/** Runs a statement with what `input` reads, at the beginning of a handler. */
const paste = (file: string, handler: string, input: string) =>
  edit(
    file,
    handler,
    `${handler}\n        const given = ${input}\n        if (given) await app.database.pool.query("select 1 from users where display_name = '" + given + "' limit 1")`,
  )

const SERVER_ERRORS = ['security/no-server-errors', 'security/error-leaks']

export const injection: Trial[] = [
  {
    name: 'a user agent is pasted into SQL',
    changes: [
      edit(
        'src/modules/sessions/repository.ts',
        "name: 'open_session',\n    text: OPEN_SESSION,",
        'text: OPEN_SESSION.replace(\'$4\', () => "\'" + client.userAgent + "\' || substr($4, 1, 0)"),',
      ),
    ],
    turns: ['security/sql-injection|security/undeclared-input'],
    also: ['security/sql-injection', 'security/undeclared-input', ...SERVER_ERRORS],
  },
  {
    name: 'cursors are pasted into SQL',
    changes: [edit(USERS, '{after.key}', '{sql.raw("\'" + after.key + "\'")}')],
    turns: ['security/sql-injection'],
    also: SERVER_ERRORS,
  },
  {
    name: 'an order of a list is pasted into SQL',
    changes: [
      edit(
        'src/modules/users/schemas.ts',
        'sort: Type.Optional(UserSort)',
        'sort: Type.Optional(Type.String())',
      ),
      edit(
        USERS,
        'const { key, type } = orders[order]',
        'const { key, type } = orders[order] ?? { key: sql.raw(order), type: sql`text` }',
      ),
    ],
    turns: ['security/sql-injection'],
    also: SERVER_ERRORS,
  },
  {
    name: 'a display name is pasted into SQL',
    changes: [
      edit(
        USERS,
        '.set({ ...changes, updatedAt',
        '.set({ ...changes, displayName: sql.raw("\'" + changes.displayName + "\'"), updatedAt',
      ),
    ],
    turns: ['security/sql-injection'],
    also: SERVER_ERRORS,
  },
  {
    name: 'the title of a new note is pasted into SQL',
    changes: [
      edit(
        NOTES,
        '.values({ ...content, ownerId: owner })',
        '.values({ ...content, title: sql.raw("\'" + content.title + "\'"), ownerId: owner })',
      ),
    ],
    turns: ['security/sql-injection'],
    also: SERVER_ERRORS,
  },
  {
    name: 'the address of a login is pasted into SQL',
    changes: [
      edit(
        'src/modules/accounts/repository.ts',
        'return async (email: string) => (await statement.execute({ email }))[0]',
        'return async (email: string) => (await db.select(credentials).from(users).where(sql.raw("lower(email) = lower(\'" + email + "\')")))[0]',
      ),
    ],
    turns: ['security/sql-injection'],
    also: SERVER_ERRORS,
  },
  {
    name: 'an undeclared parameter is pasted into SQL',
    changes: [paste(USERS_ROUTES, OWN_PROFILE, '(request.query as { filter?: string }).filter')],
    turns: ['security/undeclared-input|security/sql-injection'],
    also: ['security/undeclared-input', 'security/sql-injection', ...SERVER_ERRORS],
  },
  {
    name: 'a header is pasted into SQL',
    changes: [paste(NOTES_ROUTES, LIST_NOTES, "request.headers['x-tenant']")],
    turns: ['security/undeclared-input|security/sql-injection'],
    also: ['security/undeclared-input', 'security/sql-injection', ...SERVER_ERRORS],
  },
  {
    name: 'a cookie is pasted into SQL',
    changes: [paste(USERS_ROUTES, OWN_PROFILE, "/theme=([^;]*)/.exec(request.headers.cookie ?? '')?.[1]")],
    turns: ['security/undeclared-input|security/sql-injection'],
    also: ['security/undeclared-input', 'security/sql-injection', ...SERVER_ERRORS],
  },
  {
    name: 'a parameter names a file that is sent',
    changes: [
      edit(
        'src/http/docs-page.ts',
        'function getDocsPage(request, reply) {',
        "async function getDocsPage(request, reply) {\n        const { theme } = request.query as { theme?: string }\n        if (theme) return reply.type('text/css').send(await (await import('node:fs/promises')).readFile(theme, 'utf8').catch(() => ''))",
      ),
    ],
    turns: ['security/undeclared-input'],
  },
  {
    name: 'reading the own profile changes it',
    changes: [
      edit(
        USERS_ROUTES,
        OWN_PROFILE,
        `${OWN_PROFILE}\n        await app.database.pool.query('update users set updated_at = now() where id = $1', [request.user.sub])`,
      ),
    ],
    turns: ['security/safe-methods'],
    also: ['security/objects-of-others', 'security/owner-only'],
  },
  {
    name: 'a health check writes a row',
    changes: [
      edit(
        'src/http/health.ts',
        'async function isAlive() {',
        'async function isAlive() {\n        await app.database.pool.query("insert into audit_events (type) values (\'probe\')")',
      ),
    ],
    turns: ['security/safe-methods'],
  },
  {
    name: 'reading a note marks it as read',
    changes: [
      edit(
        NOTES_ROUTES,
        'async function getNote(request) {',
        "async function getNote(request) {\n        await app.database.pool.query(\"update notes set title = title || '' where id = $1\", [request.params.id])\n        await app.database.pool.query('update notes set updated_at = now() where id = $1', [request.params.id])",
      ),
    ],
    turns: ['security/safe-methods'],
    also: ['security/objects-of-others', 'security/notes-owner'],
  },
  {
    name: 'HEAD of a note deletes it',
    changes: [
      edit(
        NOTES_ROUTES,
        'async function getNote(request) {',
        'async function getNote(request) {\n        if (request.method === "HEAD") await notes.remove(request.user.sub, request.params.id)',
      ),
    ],
    turns: ['security/safe-methods|security/no-server-errors'],
    also: [
      'security/safe-methods',
      'security/no-server-errors',
      'security/notes-owner',
      'security/objects-of-others',
    ],
  },
].map(trial => ({ kind: 'injection', ...trial }))
