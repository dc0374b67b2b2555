/** Hashes and verifies passwords with argon2id, outside the event loop, with a bounded queue. */
import { hash, verify } from '@node-rs/argon2'
import { promise as createQueue } from 'fastq'
import { errors } from '../../http/errors.ts'
import { createFindWeakness } from './weak-passwords.ts'

/** OWASP Password Storage Cheat Sheet: argon2id (the library's default algorithm), 19 MiB, 2 passes, 1 lane. */
export const ARGON2ID = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** The beginning of a hash with these parameters. Other hashes are outdated. */
const CURRENT = `$argon2id$v=19$m=${ARGON2ID.memoryCost},t=${ARGON2ID.timeCost},p=${ARGON2ID.parallelism}$`

/** A hash that the library can read. Any other text in the column matches no password; it is not a failure. */
const READABLE = /^\$argon2(id|i|d)\$v=\d+\$m=\d+,t=\d+,p=\d+\$[\w+/]+\$[\w+/]+$/

export type Passwords = ReturnType<typeof createPasswords>

/**
 * Returns functions that hash and verify passwords. At most `concurrency` hashes run at the same time: each one uses a
 * core and a libuv thread for about 10 ms. At most `queueMax` more wait. Throws Overloaded (503) if the queue is full.
 */
export function createPasswords({ concurrency, queueMax }: { concurrency: number; queueMax: number }) {
  const queue = createQueue((work: () => Promise<unknown>) => work(), concurrency)
  // The hash of a random password, for accounts that do not exist: their logins must take the same time.
  const dummy = hash(crypto.randomUUID(), ARGON2ID)

  async function enqueue<T>(work: () => Promise<T>): Promise<T> {
    if (queue.length() >= queueMax && queue.running() >= concurrency) throw new errors.Overloaded()
    return (await queue.push(work)) as T
  }

  return {
    /** Returns the hash of a password as a PHC string. */
    hash: (password: string): Promise<string> => enqueue(() => hash(password, ARGON2ID)),

    /**
     * Returns whether the password matches the hash. Without a hash it returns false, after the same work.
     * `typed` is the password before normalization, which older hashes were created from. If it differs from the
     * password, both are compared, whether the account exists or not.
     */
    async verify(password: string, passwordHash: string | undefined, typed = password): Promise<boolean> {
      const isReadable = passwordHash !== undefined && READABLE.test(passwordHash)
      const expected = isReadable ? passwordHash : await dummy
      let matches = await enqueue(() => verify(expected, password))
      if (!matches && typed !== password) matches = await enqueue(() => verify(expected, typed))
      return matches && isReadable
    },

    /** Returns whether a hash has other parameters than ARGON2ID. */
    isOutdated: (passwordHash: string): boolean => !passwordHash.startsWith(CURRENT),

    /** Returns why a password is too easy to guess, or undefined if it is not. */
    findWeakness: createFindWeakness(),

    /** Returns the number of hashes that wait. */
    waiting: (): number => queue.length(),
    /** Returns the number of hashes that are being computed. */
    running: (): number => queue.running(),
  }
}
