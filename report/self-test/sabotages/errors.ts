/** Sabotages of error responses: their form, what they show, and server errors for valid requests. */
import { edit, type Trial } from '../trial.ts'

const ERRORS = 'src/http/error-handler.ts'
const METHODS = 'src/http/method-not-allowed.ts'
const VALIDATION = 'src/http/validation.ts'
const NOTES = 'src/modules/notes/routes.ts'
const USERS = 'src/modules/users/service.ts'

const MISTAKES = '...describeMistakes(error, entry, request),'

export const errors: Trial[] = [
  {
    name: 'a conflict shows a stack trace',
    changes: [edit(ERRORS, MISTAKES, `${MISTAKES} ...(entry.status === 409 && { trace: error.stack }),`)],
    turns: ['security/error-leaks'],
  },
  {
    name: 'the messages of the database are shown',
    changes: [
      edit(
        ERRORS,
        'return error.code === entry.code ? error.message : entry.title',
        'return error.validation ? entry.title : error.message',
      ),
    ],
    turns: ['security/error-leaks'],
    also: ['security/enumeration-*'],
  },
  {
    name: 'an invalid cursor is refused with the statement that it is for',
    changes: [
      edit(
        'src/http/instant-cursor.ts',
        'throw new errors.InvalidCursor()',
        "throw Object.assign(new errors.InvalidCursor(), { message: 'select id, title from notes where created_at < ' + cursor })",
      ),
    ],
    turns: ['security/error-leaks'],
  },
  {
    name: 'an unknown path is refused with a path of the server',
    changes: [
      edit(
        ERRORS,
        'throw unrouted.get(raw) ?? new errors.NotFound()',
        'throw unrouted.get(raw) ?? Object.assign(new errors.NotFound(), { message: `no such file: ${import.meta.dirname}${raw.url}` })',
      ),
    ],
    turns: ['security/error-leaks'],
  },
  {
    name: 'a refusal for lack of rights has another form',
    changes: [
      edit(
        ERRORS,
        '// Serialized here, not by',
        "if (entry.status === 403) return void reply.code(403).type('application/json').serializer(JSON.stringify).send({ error: problem.detail })\n  // Serialized here, not by",
      ),
    ],
    turns: ['security/problem-details'],
    also: ['security/owner-only'],
  },
  {
    name: 'an unknown path is refused in another form',
    changes: [
      edit(
        ERRORS,
        'throw unrouted.get(raw) ?? new errors.NotFound()',
        'return reply.code(404).type(\'application/json\').send(\'{"error":"Not Found"}\')',
      ),
    ],
    turns: ['security/problem-details'],
    also: ['middleware/*'],
  },
  {
    name: 'a client over its limit gets no request id',
    changes: [
      edit(ERRORS, 'requestId: request.id })', "requestId: entry.status === 429 ? '' : request.id })"),
    ],
    turns: ['security/problem-details'],
  },
  {
    name: 'only the first mistake of a body is listed',
    changes: [edit(VALIDATION, 'allErrors: true', 'allErrors: false')],
    turns: ['security/validation-errors'],
  },
  {
    name: 'methods are refused without Allow',
    changes: [edit(METHODS, "reply.header('allow', allow)\n", '')],
    turns: ['security/method-not-allowed'],
  },
  {
    name: 'the paths of one module respond 404 to unknown methods',
    changes: [edit(METHODS, "!path.includes('*')", "!path.includes('*') && !path.includes('/notes')")],
    turns: ['security/method-not-allowed'],
    also: ['security/cors-allowed'],
  },
  {
    name: 'HEAD of a list is a server error',
    changes: [
      edit(
        NOTES,
        'async function listNotes(request) {',
        "async function listNotes(request) {\n        if (request.method === 'HEAD') throw new Error('unexpected')",
      ),
    ],
    turns: ['security/no-server-errors'],
    also: ['security/guards', 'security/objects-of-others'],
  },
  {
    name: 'the longest page is a server error',
    changes: [
      edit(
        USERS,
        'const rows = await repository.listUsers(database.db, {',
        "if (limit > 50) throw new RangeError('too many')\n    const rows = await repository.listUsers(database.db, {",
      ),
    ],
    turns: ['security/no-server-errors'],
  },
  {
    name: 'text outside of ASCII is a server error',
    changes: [
      edit(
        NOTES,
        'return reply.code(201).send(await notes.create',
        "if (/[^\\0-\\x7f]/.test(request.body.title)) throw new Error('charset')\n        return reply.code(201).send(await notes.create",
      ),
    ],
    turns: ['security/no-server-errors'],
  },
  {
    name: 'a cursor with an impossible instant is a server error',
    changes: [
      edit(
        'src/http/instant-cursor.ts',
        'position && instantOf(position.key)',
        'position && new Date(position.key)',
      ),
    ],
    turns: ['security/no-server-errors'],
    also: ['security/sql-injection', 'security/error-leaks'],
  },
].map(trial => ({ kind: 'errors', ...trial }))
