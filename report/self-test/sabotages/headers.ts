/** Sabotages of response headers: security headers, CORS, and the name of the server. */
import { edit, type Trial } from '../trial.ts'

const HEADERS = 'src/http/security-headers.ts'
const ERRORS = 'src/http/error-handler.ts'
const DOCS = 'src/http/docs-page.ts'
const USERS = 'src/modules/users/routes.ts'

const SET = 'reply.headers(headers)\n      done()'

/** Takes the security headers from the errors of a status. */
const bareErrors = (status: number) =>
  edit(
    ERRORS,
    'reply.problemCode = entry.code',
    `reply.problemCode = entry.code
  if (entry.status === ${status}) for (const name of Object.keys(request.server.securityHeaders)) reply.removeHeader(name)`,
  )

export const headers: Trial[] = [
  {
    name: 'helmet is not applied',
    changes: [edit(HEADERS, SET, 'done()')],
    turns: ['security/security-headers'],
  },
  {
    name: 'a conflict has no security headers',
    changes: [bareErrors(409)],
    turns: ['security/security-headers'],
  },
  {
    name: 'a body that is too large is refused without security headers',
    changes: [bareErrors(413)],
    turns: ['security/security-headers'],
  },
  {
    name: 'responses to PUT have no security headers',
    changes: [edit(HEADERS, SET, `if (_request.method !== 'PUT') ${SET}`)],
    turns: ['security/security-headers'],
  },
  {
    name: 'the routes of one module have no security headers',
    changes: [edit(HEADERS, SET, `if (!_request.url.includes('/notes')) ${SET}`)],
    turns: ['security/security-headers'],
  },
  {
    name: 'a successful response of a guarded route may be framed',
    changes: [
      edit(
        USERS,
        'async function getOwnProfile(request) {',
        "async function getOwnProfile(request, reply) {\n        reply.removeHeader('x-frame-options').header('content-security-policy', 'upgrade-insecure-requests')",
      ),
    ],
    turns: ['security/security-headers'],
  },
  {
    name: 'HTTPS is required for five minutes only',
    changes: [edit(HEADERS, 'maxAge: 63_072_000', 'maxAge: 300')],
    turns: ['security/security-headers'],
  },
  {
    name: 'the content security policy allows everything',
    changes: [edit(HEADERS, 'defaultSrc: ["\'none\'"]', "defaultSrc: ['*']")],
    turns: ['security/security-headers'],
  },
  {
    name: 'the docs page runs inline scripts',
    changes: [edit(DOCS, '"script-src \'self\'"', "\"script-src 'self' 'unsafe-inline'\"")],
    turns: ['security/security-headers'],
  },
  {
    name: 'any origin is granted',
    changes: [edit(HEADERS, 'origin: [...corsOrigins]', 'origin: true')],
    turns: ['security/cors-refused'],
  },
  {
    name: 'an origin that is similar to an allowed one is granted',
    changes: [
      edit(HEADERS, 'origin: [...corsOrigins]', 'origin: corsOrigins.map(origin => new RegExp(origin))'),
    ],
    turns: ['security/cors-refused'],
  },
  {
    name: 'the origin null is granted',
    changes: [edit(HEADERS, 'origin: [...corsOrigins]', "origin: [...corsOrigins, 'null']")],
    turns: ['security/cors-refused'],
  },
  {
    name: 'one guarded route grants every origin',
    changes: [
      edit(
        USERS,
        'async function getOwnProfile(request) {',
        "async function getOwnProfile(request, reply) {\n        reply.header('access-control-allow-origin', '*')",
      ),
    ],
    turns: ['security/cors-refused'],
    also: ['security/cors-allowed'],
  },
  {
    name: 'errors of the client grant the origin that asks',
    changes: [
      edit(
        ERRORS,
        'reply.problemCode = entry.code',
        "reply.problemCode = entry.code\n  if (entry.status === 403 && request.headers.origin) reply.header('access-control-allow-origin', request.headers.origin)",
      ),
    ],
    turns: ['security/cors-refused'],
  },
  {
    name: 'caches may give the grant of one origin to another',
    changes: [
      edit(
        HEADERS,
        'strictPreflight: false,\n    })',
        "strictPreflight: false,\n    })\n    app.addHook('onSend', function forgetVary(_request, reply, payload, done) { reply.removeHeader('vary'); done(null, payload) })",
      ),
    ],
    turns: ['security/cors-allowed'],
    also: ['middleware/onSend SecurityHeaders'],
  },
  {
    name: 'HEAD names the framework',
    changes: [
      edit(
        HEADERS,
        SET,
        `if (_request.method === 'HEAD') reply.header('x-powered-by', 'Fastify')\n      ${SET}`,
      ),
    ],
    turns: ['security/no-fingerprint'],
  },
  {
    name: 'responses without credentials name the server and its version',
    changes: [
      edit(
        ERRORS,
        "if (entry.status === 401) reply.header('www-authenticate', 'Bearer')",
        "if (entry.status === 401) reply.header('www-authenticate', 'Bearer').header('server', 'fastify/5.12.8')",
      ),
    ],
    turns: ['security/no-fingerprint'],
  },
  {
    name: 'a header of its own shows the version of Node.js',
    changes: [edit(HEADERS, SET, `reply.header('x-node-version', process.version)\n      ${SET}`)],
    turns: ['security/no-fingerprint'],
  },
  {
    name: 'what is no HTTP is refused without security headers',
    changes: [edit('src/http/parser-errors.ts', '    ...securityHeaders,\n', '')],
    turns: ['security/security-headers'],
  },
].map(trial => ({ kind: 'headers', ...trial }))
