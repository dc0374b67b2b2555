/** Starts two processes of the service on one database, and checks that both refuse a token within a second. */
import { expect } from 'vitest'
import type { Environment } from '../../src/config/config.ts'
import { createHttpClient } from './app.ts'
import { cloneDatabase } from './database.ts'
import { startService } from './service.ts'

export type TwoInstances = Awaited<ReturnType<typeof startTwoInstances>>
export type HttpClient = ReturnType<typeof createHttpClient>

/** Returns two running instances on a new database. `stop` stops both and drops the database. */
export async function startTwoInstances(overrides: Environment = {}) {
  const database = await cloneDatabase()
  const processes = await Promise.all([
    startService(database.url, overrides),
    startService(database.url, overrides),
  ])
  const [first, second] = processes
  return {
    database,
    processes,
    clients: [createHttpClient(first.origin), createHttpClient(second.origin)] as const,
    async stop() {
      await Promise.all(processes.map(started => started.stop()))
      await database.drop()
    },
  }
}

/** Makes a user an admin with plain SQL. It takes effect at the next login. */
export async function makeAdmin({ database }: Pick<TwoInstances, 'database'>, id: string): Promise<void> {
  await database.query("update users set role = 'admin' where id = $1", [id])
}

/** Asserts that each instance refuses the token in requests that are sent a second after `since`, or later. */
export async function expectRefusedEverywhere(
  clients: readonly Pick<HttpClient, 'call'>[],
  token: string,
  since: number,
): Promise<void> {
  for (const client of clients) {
    let sentAt = Date.now()
    while ((await client.call('GET', '/api/v1/users/me', { token })).statusCode !== 401) {
      expect(sentAt - since, 'milliseconds after which the token was still accepted').toBeLessThan(1000)
      sentAt = Date.now()
    }
  }
}
