/** Opens, refreshes and ends sessions, also when such requests run in parallel. */
import { timingSafeEqual } from 'node:crypto'
import type { Config } from '../../config/config.ts'
import type { Database, Executor } from '../../db/client.ts'
import { type ClientInfo, recordEvent } from '../audit/service.ts'
import { type AccessClaims, createAccessTokens } from './access-tokens.ts'
import { endAllSessions, endSession } from './end-sessions.ts'
import { sessionsErrors } from './errors.ts'
import type { SessionsMetrics } from './metrics.ts'
import type { PresentedToken } from './refresh-cookie.ts'
import {
  classifyRefreshToken,
  createRefreshToken,
  deriveSuccessor,
  GRACE_MS,
  hashToken,
} from './refresh-tokens.ts'
import * as repository from './repository.ts'
import type { Ended, Revocations } from './revocations.ts'
import type { LoginBody } from './schemas.ts'
import type { SessionsSettings } from './settings.ts'

export type { AccessClaims } from './access-tokens.ts'
export { endAllSessions } from './end-sessions.ts'
export { isSessionRevoked } from './repository.ts'
export type { Revocations } from './revocations.ts'

type Dependencies = {
  jwt: Config['jwt']
  settings: SessionsSettings
  database: Database
  credentials: Credentials
  revocations: Pick<Revocations, 'add'>
  metrics: SessionsMetrics
}

type Account = { id: string; passwordHash: string }

/** What a login needs from accounts. `accounts/credentials.ts` documents each function. */
type Credentials = {
  findByEmail: (email: string) => Promise<(Account & { isDisabled: boolean }) | undefined>
  verify: (account: Account | undefined, password: string, typedPassword?: string) => Promise<boolean>
  findRenewed: (account: Account, password: string) => Promise<Account | undefined>
  renewHash: (account: Account, password: string) => Promise<void>
}

/** A body with normalized passwords, and its current password before normalization. */
type Typed<Body> = Body & { typedPassword?: string | undefined }

type Subject = { id: string; userId: string; role: AccessClaims['role'] }

/** A session with its idle limit, its absolute limit, and the CSRF token of its pages. */
type Opened = Subject & { idleExpiresAt: Date; expiresAt: Date; csrfToken: string | null }

/** Returns the functions that the routes of sessions call. */
export function createSessionService({
  jwt,
  settings,
  database,
  credentials,
  revocations,
  metrics,
}: Dependencies) {
  const signAccessToken = createAccessTokens(jwt)
  const ttl = { idleTtl: settings.REFRESH_TOKEN_TTL, absoluteTtl: settings.SESSION_TTL }

  /**
   * Opens a session and returns its first tokens. An unknown account, a disabled account and a wrong password get the same
   * error, InvalidCredentials, after one hash. It ends the browser's former session, that of `formerToken`, and the oldest
   * sessions beyond the limit of an account. Throws Overloaded if too many hashes wait.
   */
  async function login(
    { email, password, typedPassword }: Typed<LoginBody>,
    client: ClientInfo,
    formerToken?: string,
  ) {
    const account = await credentials.findByEmail(email)
    const isMatch = await credentials.verify(account, password, typedPassword)
    if (!account || !isMatch || account.isDisabled) return refuseLogin(account, isMatch, client)

    const refreshToken = createRefreshToken()
    const opened = await openSession(account, { password, refreshToken }, client)
    if (!opened) return refuseLogin(account, false, client)
    await credentials.renewHash(account, password)
    metrics.logins.inc({ outcome: 'succeeded' })
    if (formerToken !== undefined) await endFormerSession(formerToken, opened.userId, client)
    const sessionIds = await repository.endExcessSessions(database.pool, {
      userId: opened.userId,
      max: settings.SESSIONS_PER_USER_MAX,
      reason: 'too many sessions',
      client,
    })
    revocations.add({ sessionIds })
    return issueTokens(opened, refreshToken)
  }

  /** Returns undefined if the account was disabled, or got another password, since it was read. */
  async function openSession(
    account: Account,
    { password, refreshToken }: { password: string; refreshToken: string },
    client: ClientInfo,
  ) {
    const open = (as: Account) =>
      repository.openSession(database.pool, as, hashToken(refreshToken), { ttl, client })
    const opened = await open(account)
    if (opened) return opened
    // Another login may have renewed the hash of the same password meanwhile.
    const renewed = await credentials.findRenewed(account, password)
    return renewed && open(renewed)
  }

  /** Ends the session that a login replaces in its browser, also if it belongs to another account. */
  async function endFormerSession(token: string, actorId: string, client: ClientInfo): Promise<void> {
    const former = await repository.findSessionOfToken(database.db, hashToken(token))
    if (!former) return
    const { id: sessionId, userId } = former
    const ended = await database.transaction('read committed', tx =>
      endSession(tx, { userId, sessionId, reason: 'replaced by a login', actorId }, client),
    )
    revocations.add(ended)
  }

  async function refuseLogin(
    account: { id: string } | undefined,
    isMatch: boolean,
    client: ClientInfo,
  ): Promise<never> {
    const reason = account ? (isMatch ? 'account disabled' : 'wrong password') : 'unknown account'
    metrics.logins.inc({ outcome: 'failed' })
    await recordEvent(database.db, { type: 'login.failed', userId: account?.id, detail: { reason } }, client)
    throw new sessionsErrors.InvalidCredentials()
  }

  /**
   * Exchanges a refresh token for its successor and a new access token. The session's row is locked, so one of many
   * parallel refreshes wins, and the others find the token used. Throws InvalidRefreshToken; if the token was reused, the
   * session has ended and that is committed before the error. Throws CsrfFailed if the token is from a cookie and the
   * CSRF token is not that of its session; the refresh token is then not used.
   */
  async function refresh({ token, csrfToken }: PresentedToken, client: ClientInfo) {
    const outcome = await database.transaction('read committed', async tx => {
      const session = await repository.lockSessionOfToken(tx, hashToken(token))
      if (!session?.isLive || session.isDisabled) return
      if (csrfToken !== undefined && !isSameText(csrfToken, session.csrfToken))
        throw new sessionsErrors.CsrfFailed()
      const successor = await exchange(tx, token, session.id)
      if (successor === undefined) return { revoked: await endStolenSession(tx, session, client) }
      const limits = await repository.touchSession(tx, session.id, ttl.idleTtl)
      return { opened: { ...session, ...limits }, successor }
    })
    if (outcome?.opened) return issueTokens(outcome.opened, outcome.successor)
    if (outcome) {
      revocations.add(outcome.revoked)
      metrics.refreshReuse.inc()
    }
    throw new sessionsErrors.InvalidRefreshToken()
  }

  async function endStolenSession(tx: Executor, { id, userId }: Subject, client: ClientInfo): Promise<Ended> {
    await recordEvent(tx, { type: 'refresh.reused', userId, sessionId: id }, client)
    return endSession(tx, { userId, sessionId: id, reason: 'refresh token reused' }, client)
  }

  /** Returns the tokens of a session, its absolute limit and its CSRF token. */
  async function issueTokens(session: Opened, refreshToken: string) {
    const { id: sessionId, userId, role, idleExpiresAt, expiresAt, csrfToken } = session
    const token = await signAccessToken({ userId, sessionId, role }, idleExpiresAt)
    return { tokens: { ...token, refreshToken, tokenType: 'Bearer' as const }, expiresAt, csrfToken }
  }

  /** Returns the CSRF token of the session of a refresh token that is still usable. Throws InvalidRefreshToken. */
  async function csrfTokenOf(token: string): Promise<string> {
    const session = await repository.findSessionOfToken(database.db, hashToken(token))
    const isSpent = (session?.usedAgo ?? 0) > GRACE_MS
    if (!session?.csrfToken || isSpent) throw new sessionsErrors.InvalidRefreshToken()
    return session.csrfToken
  }

  /** Ends one session of the caller. Returns false if the caller has no such live session. */
  async function endOwnSession(
    caller: AccessClaims,
    sessionId: string,
    client: ClientInfo,
  ): Promise<boolean> {
    const reason = sessionId === caller.sid ? 'logout' : 'ended by its owner'
    const ended = await database.transaction('read committed', tx =>
      endSession(tx, { userId: caller.sub, sessionId, reason, actorId: caller.sub }, client),
    )
    revocations.add(ended)
    return ended.sessionIds.length > 0
  }

  /** Ends all sessions of the caller except the current one. */
  async function endOtherSessions(caller: AccessClaims, client: ClientInfo): Promise<void> {
    const others = { userId: caller.sub, except: caller.sid, actorId: caller.sub }
    const ended = await database.transaction('read committed', tx =>
      endAllSessions(tx, { ...others, reason: 'ended by its owner' }, client),
    )
    revocations.add(ended)
  }

  return { login, refresh, csrfTokenOf, endOwnSession, endOtherSessions }
}

/** Returns the successor of a token whose session is locked, or undefined if the token was reused. */
async function exchange(tx: Executor, token: string, sessionId: string): Promise<string | undefined> {
  const stored = await repository.findRefreshToken(tx, hashToken(token))
  if (!stored) return undefined
  const successor = deriveSuccessor(token, stored.successorNonce ?? undefined)
  const next =
    stored.usedAgo === null ? undefined : await repository.findRefreshToken(tx, hashToken(successor.token))
  const verdict = classifyRefreshToken({
    usedAgo: stored.usedAgo,
    isSuccessorUsed: typeof next?.usedAgo === 'number',
  })
  if (verdict === 'reuse') return undefined
  if (verdict === 'rotate') {
    await repository.markTokenUsed(tx, hashToken(token), successor.nonce)
    await repository.insertRefreshToken(tx, sessionId, hashToken(successor.token))
  }
  return successor.token
}

/** Returns whether two texts are equal, in a time that does not depend on where they differ. */
function isSameText(given: string, expected: string | null): boolean {
  return expected !== null && timingSafeEqual(hashToken(given), hashToken(expected))
}
