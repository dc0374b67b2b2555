/** Adds password hashing, and the credentials that a login verifies, to the app. */
import { availableParallelism } from 'node:os'
import type { FastifyInstance } from 'fastify'
import type { ModuleOptions } from '../define-module.ts'
import { type Credentials, createCredentials } from './credentials.ts'
import { observePasswords } from './metrics.ts'
import { normalizePasswords } from './normalize-passwords.ts'
import { createPasswords, type Passwords } from './passwords.ts'
import type { AccountsSettings } from './settings.ts'

declare module 'fastify' {
  interface FastifyInstance {
    passwords: Passwords
    credentials: Credentials
    /** Normalizes the passwords in the bodies of all routes that are registered in `scope` after this call. */
    normalizePasswords: (scope: FastifyInstance) => void
  }
}

/** The default size of libuv's thread pool, which hashes, file access and DNS share. UV_THREADPOOL_SIZE changes it. */
const LIBUV_THREADS = 4

/** Decorates the app with `passwords`, `credentials` and `normalizePasswords`. */
export async function accountsPlugin(
  app: FastifyInstance,
  { config, settings }: ModuleOptions<typeof AccountsSettings>,
): Promise<void> {
  const passwords = createPasswords({
    concurrency:
      settings.HASH_CONCURRENCY ??
      Math.ceil(Math.min(availableParallelism() + 1, LIBUV_THREADS) / config.workers),
    queueMax: settings.HASH_QUEUE_MAX,
  })
  observePasswords(app.metrics, passwords)
  app.decorate('passwords', passwords)
  app.decorate('credentials', createCredentials({ db: app.database.db, passwords, log: app.log }))
  app.decorateRequest('typedPassword', undefined)
  app.decorate('normalizePasswords', normalizePasswords)
}
