/** The credentials of an account, as a login verifies them. */
import type { FastifyBaseLogger } from 'fastify'
import { databaseErrorOf, type Executor } from '../../db/client.ts'
import type { Passwords } from './passwords.ts'
import { createFindCredentials, findCredentialsById, replacePasswordHash } from './repository.ts'

type Dependencies = { db: Executor; passwords: Passwords; log: Pick<FastifyBaseLogger, 'warn'> }

type Account = { id: string; passwordHash: string }

export type Credentials = ReturnType<typeof createCredentials>

export function createCredentials({ db, passwords, log }: Dependencies) {
  return {
    /** Returns the account of an e-mail address, in any case; undefined where there is none. */
    findByEmail: createFindCredentials(db),

    /** Returns whether the password is the account's. Without an account it takes as long, and is false. */
    verify: (account: Account | undefined, password: string, typedPassword?: string): Promise<boolean> =>
      passwords.verify(password, account?.passwordHash, typedPassword),

    /** Returns the account where its hash has changed since it was read, and is still of the password. */
    async findRenewed({ id, passwordHash }: Account, password: string) {
      const renewed = await findCredentialsById(db, id)
      if (!renewed || renewed.passwordHash === passwordHash) return undefined
      return (await passwords.verify(password, renewed.passwordHash)) ? renewed : undefined
    },

    /**
     * Hashes a password again, while it is known, where its hash has former parameters. Where that fails, the login goes on,
     * and the next one tries again.
     */
    async renewHash({ id, passwordHash: expected }: Account, password: string): Promise<void> {
      if (!passwords.isOutdated(expected)) return
      try {
        const passwordHash = await passwords.hash(password)
        await replacePasswordHash(db, { id, expected, passwordHash })
      } catch (error) {
        log.warn({ err: databaseErrorOf(error) }, 'a password hash of former parameters was not renewed')
      }
    },
  }
}
