/** What happens at registration, login, refresh and logout, and who wins where they race. */
import { timingSafeEqual } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../../config/config.ts'
import { type Database, databaseErrorOf, type Executor } from '../../db/client.ts'
import { errors } from '../../http/errors.ts'
import type { Metrics } from '../../observability/metrics.ts'
import type { Passwords } from '../accounts/passwords.ts'
import {
  createFindCredentials,
  findCredentialsById,
  insertAccount,
  replacePasswordHash,
} from '../accounts/repository.ts'
import type { PasswordOwner } from '../accounts/weak-passwords.ts'
import { type ClientInfo, recordEvent } from '../audit/service.ts'
import { type AccessClaims, createAccessTokens } from './access-tokens.ts'
import type { Presented } from './refresh-cookie.ts'
import {
  classifyRefreshToken,
  createRefreshToken,
  deriveSuccessor,
  GRACE_MS,
  hashToken,
} from './refresh-tokens.ts'
import * as repository from './repository.ts'
import type { Ended, Revocations } from './revocations.ts'
import type { LoginBody, PasswordBody, RegisterBody } from './schemas.ts'
import { endAllSessions, endSession } from './session-ends.ts'

type Dependencies = {
  config: Pick<Config, 'jwt' | 'sessions'>
  database: Database
  passwords: Passwords
  revocations: Pick<Revocations, 'add'>
  metrics: Pick<Metrics, 'logins' | 'refreshReuse'>
  log: Pick<FastifyBaseLogger, 'warn'>
}

/** A body whose passwords are in their normal form, and the present one as it was typed. */
type Typed<Body> = Body & { typedPassword?: string | undefined }

type Credentials = { id: string; passwordHash: string }

type Subject = { id: string; userId: string; role: AccessClaims['role'] }

/** A session with when it ends unless it is used again, when at the latest, and the CSRF token of its pages. */
type Opened = Subject & { idleExpiresAt: Date; expiresAt: Date; csrfToken: string | null }

export type Auth = ReturnType<typeof createAuthService>

export function createAuthService({ config, database, passwords, revocations, metrics, log }: Dependencies) {
  const signAccessToken = createAccessTokens(config.jwt)
  const findCredentials = createFindCredentials(database.db)

  /**
   * Creates an account and returns it. Where the address is taken, the answer looks the same and nothing happens but
   * an audit row: a stranger does not learn from it who has an account here.
   */
  async function register({ password, ...profile }: RegisterBody, client: ClientInfo) {
    refuseWeak(password, profile)
    const passwordHash = await passwords.hash(password)
    return database.transaction('read committed', async tx => {
      const created = await insertAccount(tx, { ...profile, passwordHash })
      const event = created
        ? ({ type: 'user.registered', userId: created.id } as const)
        : ({ type: 'user.register_refused', detail: { reason: 'e-mail address taken' } } as const)
      await recordEvent(tx, event, client)
      return created ?? decoyUser(profile)
    })
  }

  /** Throws WeakPassword, which says why, where an attacker would try the password first. */
  function refuseWeak(password: string, owner: PasswordOwner): void {
    const message = passwords.findWeakness(password, owner)
    if (message !== undefined) throw Object.assign(new errors.WeakPassword(), { message })
  }

  /**
   * Opens a session and returns its first tokens. Unknown, disabled and wrong are one refusal, after one hash. The session
   * of `formerToken` ends, which the browser replaces, and so do the oldest beyond the limit of an account.
   */
  async function login(
    { email, password, typedPassword }: Typed<LoginBody>,
    client: ClientInfo,
    formerToken?: string,
  ) {
    const account = await findCredentials(email)
    const isMatch = await passwords.verify(password, account?.passwordHash, typedPassword)
    if (!account || !isMatch || account.isDisabled) return refuseLogin(account, isMatch, client)

    const refreshToken = createRefreshToken()
    const opened = await openSession(account, { password, refreshToken }, client)
    if (!opened) return refuseLogin(account, false, client)
    if (passwords.isOutdated(account.passwordHash)) await renewHash(account, password)
    metrics.logins.inc({ outcome: 'succeeded' })
    if (formerToken !== undefined) await endFormerSession(formerToken, opened.userId, client)
    const sessionIds = await repository.endExcessSessions(database.pool, {
      userId: opened.userId,
      max: config.sessions.maxPerUser,
      reason: 'too many sessions',
      client,
    })
    revocations.add({ sessionIds })
    return issueTokens(opened, refreshToken)
  }

  /** Undefined where the account was disabled or got another password since it was read. */
  async function openSession(
    account: Credentials,
    { password, refreshToken }: { password: string; refreshToken: string },
    client: ClientInfo,
  ) {
    const open = (as: Credentials) =>
      repository.openSession(database.pool, as, hashToken(refreshToken), { ttl: config.sessions, client })
    const opened = await open(account)
    if (opened) return opened
    // Another login may have renewed the hash meanwhile, of the same password.
    const renewed = await findCredentialsById(database.db, account.id)
    if (!renewed || renewed.passwordHash === account.passwordHash) return undefined
    return (await passwords.verify(password, renewed.passwordHash)) ? open(renewed) : undefined
  }

  /** Hashes a password anew while it is known. Where that fails, the login goes on, and the next one tries again. */
  async function renewHash({ id, passwordHash: expected }: Credentials, password: string): Promise<void> {
    try {
      const passwordHash = await passwords.hash(password)
      await replacePasswordHash(database.db, { id, expected, passwordHash })
    } catch (error) {
      log.warn({ err: databaseErrorOf(error) }, 'a password hash of former parameters was not renewed')
    }
  }

  /** Ends the session that a login replaces in its browser, also where it was of another account. */
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
    throw new errors.InvalidCredentials()
  }

  /**
   * Exchanges a refresh token for its successor and a new access token. All that concerns one session waits on the
   * lock of its row, so one of many parallel refreshes wins, and the others find the token used.
   * The revocation that reuse brings is committed before the refusal is thrown. A token that a browser sent by itself is
   * not looked at without the CSRF token of its session.
   */
  async function refresh({ token, csrfToken }: Presented, client: ClientInfo) {
    const outcome = await database.transaction('read committed', async tx => {
      const session = await repository.lockSessionOfToken(tx, hashToken(token))
      if (!session?.isLive || session.isDisabled) return
      if (csrfToken !== undefined && !isSameText(csrfToken, session.csrfToken)) throw new errors.CsrfFailed()
      const successor = await exchange(tx, token, session.id)
      if (successor === undefined) return { revoked: await endStolenSession(tx, session, client) }
      const limits = await repository.touchSession(tx, session.id, config.sessions.idleTtl)
      return { opened: { ...session, ...limits }, successor }
    })
    if (outcome?.opened) return issueTokens(outcome.opened, outcome.successor)
    if (outcome) {
      revocations.add(outcome.revoked)
      metrics.refreshReuse.inc()
    }
    throw new errors.InvalidRefreshToken()
  }

  async function endStolenSession(tx: Executor, { id, userId }: Subject, client: ClientInfo): Promise<Ended> {
    await recordEvent(tx, { type: 'refresh.reused', userId, sessionId: id }, client)
    return endSession(tx, { userId, sessionId: id, reason: 'refresh token reused' }, client)
  }

  /** The tokens of a session, and until when it lives at the longest. */
  async function issueTokens(session: Opened, refreshToken: string) {
    const { id: sessionId, userId, role, idleExpiresAt, expiresAt, csrfToken } = session
    const token = await signAccessToken({ userId, sessionId, role }, idleExpiresAt)
    return { tokens: { ...token, refreshToken, tokenType: 'Bearer' as const }, expiresAt, csrfToken }
  }

  /** The CSRF token of the session that a refresh token could still be exchanged in. Throws InvalidRefreshToken. */
  async function csrfTokenOf(token: string): Promise<string> {
    const session = await repository.findSessionOfToken(database.db, hashToken(token))
    const isSpent = (session?.usedAgo ?? 0) > GRACE_MS
    if (!session?.csrfToken || isSpent) throw new errors.InvalidRefreshToken()
    return session.csrfToken
  }

  /** Ends one session of the caller; false where the caller has no such live session. */
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

  /** Ends all sessions of the caller but the one that asks. */
  async function endOtherSessions(caller: AccessClaims, client: ClientInfo): Promise<void> {
    const others = { userId: caller.sub, except: caller.sid, actorId: caller.sub }
    const ended = await database.transaction('read committed', tx =>
      endAllSessions(tx, { ...others, reason: 'ended by its owner' }, client),
    )
    revocations.add(ended)
  }

  /** Sets a new password and ends the caller's other sessions (ASVS 5.0 §7.4.3). */
  async function changePassword(
    caller: AccessClaims,
    { currentPassword, newPassword, typedPassword }: Typed<PasswordBody>,
    client: ClientInfo,
  ): Promise<void> {
    const account = await findCredentialsById(database.db, caller.sub)
    if (account) refuseWeak(newPassword, account)
    if (!account || !(await passwords.verify(currentPassword, account.passwordHash, typedPassword))) {
      const detail = { reason: 'wrong current password' }
      await recordEvent(database.db, { type: 'login.failed', ...byOwner(caller.sub), detail }, client)
      throw new errors.WrongPassword()
    }
    const passwordHash = await passwords.hash(newPassword)
    const ended = await database.transaction('read committed', async tx => {
      const isReplaced = await replacePasswordHash(tx, {
        ...account,
        expected: account.passwordHash,
        passwordHash,
      })
      if (!isReplaced) throw new errors.Conflict()
      // Asked once the account is locked: the session may have ended while the hashes were computed.
      if (await repository.isSessionRevoked(tx, caller.sid)) throw new errors.Unauthorized()
      await recordEvent(
        tx,
        { type: 'password.changed', ...byOwner(caller.sub), sessionId: caller.sid },
        client,
      )
      const others = {
        userId: caller.sub,
        except: caller.sid,
        reason: 'password changed',
        actorId: caller.sub,
      }
      return endAllSessions(tx, others, client)
    })
    revocations.add(ended)
  }

  return { register, login, refresh, csrfTokenOf, endOwnSession, endOtherSessions, changePassword }
}

/** The successor of a token whose session is locked; undefined where the token was used before and is no retry. */
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

/** Whether two texts are the same, in a time that does not depend on where they differ. */
function isSameText(given: string, expected: string | null): boolean {
  return expected !== null && timingSafeEqual(hashToken(given), hashToken(expected))
}

const byOwner = (id: string) => ({ userId: id, actorId: id })

/** What a registration would have answered. */
function decoyUser(profile: { email: string; displayName: string }) {
  const now = new Date()
  return {
    id: crypto.randomUUID() as string,
    ...profile,
    role: 'user' as const,
    createdAt: now,
    updatedAt: now,
  }
}
