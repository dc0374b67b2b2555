/** Verifies the credentials of an account at a login, and renews outdated password hashes. */
import type { FastifyBaseLogger } from 'fastify'
import { databaseErrorOf, type Executor } from '../../db/client.ts'
import type { Passwords } from './passwords.ts'
import { createFindCredentials, findCredentialsById, replacePasswordHash } from './repository.ts'

type Dependencies = { db: Executor; passwords: Passwords; log: Pick<FastifyBaseLogger, 'warn'> }

type Account = { id: string; passwordHash: string }

export type Credentials = ReturnType<typeof createCredentials>

/** Returns the functions that a login needs from accounts. */
export function createCredentials({ db, passwords, log }: Dependencies) {
  return {
    /** Returns the account of an e-mail address in upper or lower case, or undefined if there is none. */
    findByEmail: createFindCredentials(db),

    /**
     * Returns whether the password is that of the account. Without an account it returns false, after the same time: the
     * time must not show which accounts exist. `typedPassword` is the password before normalization.
     */
    verify: (account: Account | undefined, password: string, typedPassword?: string): Promise<boolean> =>
      passwords.verify(password, account?.passwordHash, typedPassword),

    /**
     * Returns the account if its hash has changed since it was read and the new hash matches the same password;
     * otherwise undefined.
     */
    async findRenewed({ id, passwordHash }: Account, password: string) {
      const renewed = await findCredentialsById(db, id)
      if (!renewed || renewed.passwordHash === passwordHash) return undefined
      return (await passwords.verify(password, renewed.passwordHash)) ? renewed : undefined
    },

    /**
     * Replaces a hash that has outdated parameters, while the password is known. A failure is logged and does not stop
     * the login. The next login tries again.
     */
    async renewHash({ id, passwordHash: expected }: Account, password: string): Promise<void> {
      if (!passwords.isOutdated(expected)) return
      try {
        const passwordHash = await passwords.hash(password)
        await replacePasswordHash(db, { id, expected, passwordHash })
      } catch (error) {
        log.warn({ err: databaseErrorOf(error) }, 'an outdated password hash was not renewed')
      }
    },
  }
}
