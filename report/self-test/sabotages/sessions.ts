/** Sabotages of sessions: rotation, reuse, cookies, logout, expiry, and other instances. */
import { edit, type Trial } from '../trial.ts'

const SERVICE = 'src/modules/sessions/service.ts'
const REPOSITORY = 'src/modules/sessions/repository.ts'
const ROUTES = 'src/modules/sessions/routes.ts'
const COOKIE = 'src/modules/sessions/refresh-cookie.ts'
const REFRESH = 'src/modules/sessions/refresh-tokens.ts'
const ACCOUNTS = 'src/modules/accounts/service.ts'

/** Rows that show that a session has ended. */
const ENDED = [
  'security/logout',
  'security/refresh-reuse',
  'security/password-change',
  'security/other-sessions',
  'security/session-expiry',
  'security/other-instance',
]

export const sessions: Trial[] = [
  {
    name: 'logout does nothing',
    changes: [
      edit(ROUTES, 'await sessions.endOwnSession(request.user, request.user.sid, clientInfoOf(request))', ''),
    ],
    turns: ['security/logout'],
  },
  {
    name: 'refresh tokens of an ended session work',
    changes: [edit(SERVICE, '!session?.isLive || session.isDisabled', '!session || session.isDisabled')],
    turns: ['security/logout'],
    also: [...ENDED, 'security/disabled-accounts'],
  },
  {
    name: 'access tokens of an ended session work on other instances',
    changes: [edit('src/modules/sessions/revocations.ts', 'onPayload: note', 'onPayload: () => {}')],
    turns: ['security/other-instance'],
  },
  {
    name: 'sessions never expire',
    changes: [
      edit(
        REPOSITORY,
        'isOfEpoch,\n  sql`${sessions.idleExpiresAt} > now()`,\n  sql`${sessions.expiresAt} > now()`,',
        'isOfEpoch,',
      ),
    ],
    turns: ['security/session-expiry'],
  },
  {
    name: 'a session that is used lives for ever',
    changes: [
      edit(
        REPOSITORY,
        'isOfEpoch,\n  sql`${sessions.idleExpiresAt} > now()`,\n  sql`${sessions.expiresAt} > now()`,',
        'isOfEpoch,\n  sql`${sessions.idleExpiresAt} > now()`,',
      ),
      edit(
        REPOSITORY,
        'sql`least(${inMilliseconds(idleTtl)}, ${sessions.expiresAt})`',
        'inMilliseconds(idleTtl)',
      ),
    ],
    turns: ['security/session-expiry'],
  },
  {
    name: 'sessions live for a hundred years',
    changes: [
      edit(REPOSITORY, 'ttl.absoluteTtl / 1000,\n      tokenHash', '3_153_600_000,\n      tokenHash'),
    ],
    turns: ['security/session-expiry'],
  },
  {
    name: 'reuse of a refresh token is not detected',
    changes: [edit(REFRESH, "? 'repeat' : 'reuse'", "? 'repeat' : 'repeat'")],
    turns: ['security/refresh-reuse'],
  },
  {
    name: 'reuse of a refresh token does not end the session',
    changes: [
      edit(
        SERVICE,
        "return endSession(tx, { userId, sessionId: id, reason: 'refresh token reused' }, client)",
        'return { sessionIds: [] }',
      ),
    ],
    turns: ['security/refresh-reuse'],
  },
  {
    name: 'refresh tokens do not rotate',
    changes: [
      edit(
        SERVICE,
        "if (verdict === 'rotate') {",
        "if (verdict === 'rotate') return token\n  if (verdict !== 'repeat') {",
      ),
    ],
    turns: ['security/refresh-rotation'],
    also: ['security/refresh-reuse', 'security/refresh-race'],
  },
  {
    name: 'parallel refreshes have several successors',
    changes: [edit(REPOSITORY, ".for('update', { of: sessions })", '')],
    turns: ['security/refresh-race'],
    also: ['security/refresh-reuse', 'security/no-server-errors'],
  },
  {
    name: 'refresh tokens are stored as they are',
    changes: [
      edit(REFRESH, "return createHash('sha256').update(token).digest()", 'return Buffer.from(token)'),
    ],
    turns: ['security/refresh-storage'],
    // Texts of different lengths are compared with it: a CSRF token of another length is a server error.
    also: ['security/refresh-cookie', 'security/no-server-errors'],
  },
  {
    name: 'scripts can read the refresh cookie',
    changes: [edit(COOKIE, 'httpOnly: true', 'httpOnly: false')],
    turns: ['security/refresh-cookie'],
  },
  {
    name: 'other sites send the refresh cookie',
    changes: [edit(COOKIE, "sameSite: 'strict'", "sameSite: 'none'")],
    turns: ['security/refresh-cookie'],
  },
  {
    name: 'browser mode also puts the refresh token in the body',
    changes: [edit(COOKIE, 'return { ...rest, ...(csrf', 'return { ...rest, refreshToken, ...(csrf')],
    turns: ['security/refresh-cookie'],
  },
  {
    name: 'any CSRF token is accepted',
    changes: [
      edit(
        SERVICE,
        'if (csrfToken !== undefined && !isSameText(csrfToken, session.csrfToken))\n        throw',
        'if (false) throw',
      ),
    ],
    turns: ['security/refresh-cookie'],
  },
  {
    name: 'no CSRF token is asked of requests from another page',
    changes: [
      edit(
        COOKIE,
        'isByCookie(request) && !request',
        'isByCookie(request) && !request.headers.origin && !request',
      ),
      edit(
        COOKIE,
        "csrfToken: String(request.headers['x-csrf-token'] ?? '') }",
        "csrfToken: request.headers.origin ? undefined : String(request.headers['x-csrf-token'] ?? '') }",
      ),
    ],
    turns: ['security/refresh-cookie'],
  },
  {
    name: 'all sessions have the same CSRF token',
    changes: [],
    sql: `alter table sessions alter column csrf_token set default '6f3a1c52-3c0f-4d7c-9f0e-0c6f6f1b9a55'`,
    turns: ['security/refresh-cookie'],
    also: ['security/schema-drift'],
  },
  {
    name: 'of several refresh cookies the first is taken',
    changes: [edit(COOKIE, 'if (others.length > 0)\n    throw new', 'if (false)\n    throw new')],
    turns: ['security/refresh-cookie'],
  },
  {
    name: 'logout leaves the refresh cookie',
    changes: [edit(ROUTES, '        clearCookies(reply)\n', '')],
    turns: ['security/refresh-cookie'],
  },
  {
    name: 'a password change leaves the other sessions',
    changes: [edit(ACCOUNTS, 'return endAllSessions(tx, others, client)', 'return { sessionIds: [] }')],
    turns: ['security/password-change'],
  },
  {
    name: 'a password change does not ask for the old password',
    changes: [
      edit(
        ACCOUNTS,
        '!account || !(await passwords.verify(currentPassword, account.passwordHash, typedPassword))',
        '!account',
      ),
    ],
    turns: ['security/password-change'],
  },
  {
    name: 'users can end the sessions of others',
    changes: [
      edit(
        REPOSITORY,
        '.where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId), isLive))',
        '.where(and(eq(sessions.id, sessionId), isLive))',
      ),
    ],
    turns: ['security/other-sessions|security/objects-of-others'],
  },
  {
    name: 'the list of sessions shows those of others',
    changes: [edit(REPOSITORY, 'and(eq(sessions.userId, userId), isLive, after', 'and(isLive, after')],
    turns: ['security/objects-of-others|security/other-sessions'],
  },
  {
    name: 'the second page of the list of sessions shows those of others',
    changes: [
      edit(
        REPOSITORY,
        'and(eq(sessions.userId, userId), isLive, after',
        'and(after ? undefined : eq(sessions.userId, userId), isLive, after',
      ),
    ],
    turns: ['security/objects-of-others|security/other-sessions'],
  },
  {
    name: 'the response to a refresh may be cached',
    changes: [
      edit(
        ROUTES,
        "reply.header('cache-control', NO_STORE)\n      return isByCookie",
        "reply.header('cache-control', 'private, max-age=60')\n      return isByCookie",
      ),
    ],
    turns: ['security/no-store'],
  },
  {
    name: 'a login in a browser may be cached',
    changes: [
      edit(
        ROUTES,
        "reply.header('cache-control', NO_STORE)\n      return isBrowser",
        "reply.header('cache-control', isBrowser ? 'private' : NO_STORE)\n      return isBrowser",
      ),
    ],
    turns: ['security/no-store'],
  },
  {
    name: 'the CSRF token of a session may be cached',
    changes: [
      edit(
        ROUTES,
        "reply.header('cache-control', NO_STORE)\n      return { csrfToken }",
        "reply.header('cache-control', 'private, max-age=300')\n      return { csrfToken }",
      ),
    ],
    turns: ['security/no-store'],
  },
].map(trial => ({ kind: 'sessions', ...trial }))
