/** Registration and the change of a password. */
import type { Database } from '../../db/client.ts'
import { errors } from '../../http/errors.ts'
import { type ClientInfo, recordEvent } from '../audit/service.ts'
import { type AccessClaims, endAllSessions, isSessionRevoked, type Revocations } from '../sessions/service.ts'
import { accountsErrors } from './errors.ts'
import type { Passwords } from './passwords.ts'
import { findCredentialsById, insertAccount, replacePasswordHash } from './repository.ts'
import type { PasswordBody, RegisterBody } from './schemas.ts'
import type { PasswordOwner } from './weak-passwords.ts'

type Dependencies = {
  database: Database
  passwords: Passwords
  revocations: Pick<Revocations, 'add'>
}

/** A body whose passwords are in their normal form, and the present one as it was typed. */
type Typed<Body> = Body & { typedPassword?: string | undefined }

export function createAccountService({ database, passwords, revocations }: Dependencies) {
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
    if (message !== undefined) throw Object.assign(new accountsErrors.WeakPassword(), { message })
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
      throw new accountsErrors.WrongPassword()
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
      if (await isSessionRevoked(tx, caller.sid)) throw new errors.Unauthorized()
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

  return { register, changePassword }
}

const byOwner = (id: string) => ({ userId: id, actorId: id })

/** Returns what a registration would have returned. */
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
