/** Password hashing: argon2id, off the event loop, so many at a time, behind a bounded queue. */
import { hash, verify } from '@node-rs/argon2'
import { promise as createQueue } from 'fastq'
import { errors } from '../../http/errors.ts'
import { createFindWeakness } from './weak-passwords.ts'

/** OWASP Password Storage Cheat Sheet: argon2id (the library's default), 19 MiB, two passes, one lane. */
export const ARGON2ID = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** How the hashes of these parameters begin; others are outdated. */
const CURRENT = `$argon2id$v=19$m=${ARGON2ID.memoryCost},t=${ARGON2ID.timeCost},p=${ARGON2ID.parallelism}$`

/** What can be verified. Another text in the column is the hash of no password, not a failure. */
const READABLE = /^\$argon2(id|i|d)\$v=\d+\$m=\d+,t=\d+,p=\d+\$[\w+/]+\$[\w+/]+$/

export type Passwords = ReturnType<typeof createPasswords>

/**
 * Hashes and verifies passwords. At most `concurrency` hashes run at once: each one fills a core and a libuv thread
 * for about 10 ms. At most `queueMax` more wait; beyond that the caller gets `Overloaded`, a 503.
 */
export function createPasswords({ concurrency, queueMax }: { concurrency: number; queueMax: number }) {
  const queue = createQueue((work: () => Promise<unknown>) => work(), concurrency)
  // For accounts that do not exist, so that their logins take as long. Nobody knows its password.
  const dummy = hash(crypto.randomUUID(), ARGON2ID)

  async function enqueue<T>(work: () => Promise<T>): Promise<T> {
    if (queue.length() >= queueMax && queue.running() >= concurrency) throw new errors.Overloaded()
    return (await queue.push(work)) as T
  }

  return {
    /** The PHC string of a password. */
    hash: (password: string): Promise<string> => enqueue(() => hash(password, ARGON2ID)),

    /**
     * Whether the password is that of the hash. Without a hash: false, after the same work. Older hashes are of the text as
     * it was `typed`: where that is not the normal form, it is tried as well, for accounts that exist and others.
     */
    async verify(password: string, passwordHash: string | undefined, typed = password): Promise<boolean> {
      const isReadable = passwordHash !== undefined && READABLE.test(passwordHash)
      const expected = isReadable ? passwordHash : await dummy
      let matches = await enqueue(() => verify(expected, password))
      if (!matches && typed !== password) matches = await enqueue(() => verify(expected, typed))
      return matches && isReadable
    },

    /** Whether a hash was made with other parameters than those of today. */
    isOutdated: (passwordHash: string): boolean => !passwordHash.startsWith(CURRENT),

    /** Why a password is too easy to guess; undefined where it is not. */
    findWeakness: createFindWeakness(),

    /** Hashes that wait for their turn. */
    waiting: (): number => queue.length(),
    /** Hashes that are being computed. */
    running: (): number => queue.running(),
  }
}
