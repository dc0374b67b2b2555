/** Registers accounts and changes passwords. */
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

/** A body with normalized passwords, and its current password before normalization. */
type Typed<Body> = Body & { typedPassword?: string | undefined }

/** Returns the functions that the routes of accounts call. */
export function createAccountService({ database, passwords, revocations }: Dependencies) {
  /**
   * Creates an account and returns its profile. If the address is taken, it returns a profile that looks the same, and
   * only writes an audit event: the response must not show who has an account. Throws WeakPassword, and Overloaded if too
   * many hashes wait.
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

  /** Throws WeakPassword, with the reason, if the password is easy to guess. */
  function refuseWeak(password: string, owner: PasswordOwner): void {
    const message = passwords.findWeakness(password, owner)
    if (message !== undefined) throw Object.assign(new accountsErrors.WeakPassword(), { message })
  }

  /**
   * Sets a new password and ends the caller's other sessions (ASVS 5.0 §7.4.3). Throws WeakPassword; WrongPassword;
   * Conflict if another request has changed the password meanwhile; Unauthorized if the caller's session has ended
   * meanwhile; Overloaded if too many hashes wait.
   */
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
      // The session may have ended while the hashes were computed. The account is locked now, so the result stays true.
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

/** Returns a profile like that of a new account, for an address that is taken. */
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
