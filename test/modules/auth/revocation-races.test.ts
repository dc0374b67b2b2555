/** What ends a session, racing against what prolongs or opens one, over two processes (promise 4). */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase } from '../../../src/db/client.ts'
import { assignRole } from '../../../src/modules/users/service.ts'
import { PASSWORD, type Tokens } from '../../helpers/app.ts'
import { testConfig } from '../../helpers/config.ts'
import { expectRefusedEverywhere, makeAdmin, type Pair, startPair } from '../../helpers/pair.ts'
import { liveLeaves } from '../../helpers/tokens.ts'

/** Races at a time: enough to keep two processes busy with one another's locks. */
const LANES = 5

let pair: Pair
let admin: Tokens

beforeAll(async () => {
  pair = await startPair()
  const { id, email } = await pair.clients[0].signUp()
  await makeAdmin(pair, id)
  admin = await pair.clients[0].logIn(email)
})
afterAll(() => pair.stop())

type User = Tokens & { id: string; email: string; password: string }

/** One kind of race, for one user of its lane. */
type Race = {
  /** Tokens that a race begins with. */
  prepare: (user: User) => Promise<Tokens>
  /** What prolongs or opens a session; its answer holds tokens where it wins. */
  prolong: (user: User, tokens: Tokens) => Promise<{ statusCode: number; json: () => Tokens }>
  /** What ends them; resolves to a status. */
  end: (user: User, tokens: Tokens) => Promise<number>
  /** Makes the user fit for the next race. */
  restore?: (user: User) => Promise<unknown>
}

/**
 * Runs a race again and again, moving the later start to where both sides win about as often, and checks after each
 * one that no token works any more. Returns how often `prolong` was granted.
 */
async function runLane({ prepare, prolong, end, restore }: Race, races: number) {
  const [client, other] = pair.clients
  const user: User = { ...(await client.signUp()), password: PASSWORD }
  // Milliseconds by which `prolong` starts later; below zero, `end` does.
  let lead = 0
  let step = 4
  let wasGranted: boolean | undefined
  let granted = 0
  for (let index = 0; index < races; index += 1) {
    const tokens = await prepare(user)
    const [prolonged, status] = await Promise.all([
      sleep(Math.max(0, lead)).then(() => prolong(user, tokens)),
      sleep(Math.max(0, -lead)).then(() => end(user, tokens)),
    ])
    const endedAt = Date.now()
    expect(status).toBe(204)
    expect([200, 401]).toContain(prolonged.statusCode)
    const isGranted = prolonged.statusCode === 200
    granted += isGranted ? 1 : 0
    step = wasGranted === isGranted ? step * 1.5 : Math.max(1, step / 2)
    lead += isGranted ? step : -step
    wasGranted = isGranted
    for (const { accessToken, refreshToken } of isGranted ? [tokens, prolonged.json()] : [tokens]) {
      await expectRefusedEverywhere(pair.clients, accessToken, endedAt)
      expect((await other.refresh(refreshToken)).statusCode).toBe(401)
      expect(await liveLeaves(pair.database, accessToken)).toBe(0)
    }
    await restore?.(user)
  }
  return granted
}

async function run(race: Race, races: number): Promise<void> {
  const granted = await Promise.all(Array.from({ length: LANES }, () => runLane(race, races / LANES)))
  const total = granted.reduce((sum, count) => sum + count, 0)
  // Both sides have won: it was a race.
  expect(total).toBeGreaterThan(0)
  expect(total).toBeLessThan(races)
}

const logIn = ({ email, password }: User) => pair.clients[0].logIn(email, password)
const refresh = (_user: User, { refreshToken }: Tokens) => pair.clients[1].refresh(refreshToken)
const logInAgain = ({ email, password }: User) =>
  pair.clients[1].call('POST', '/api/v1/auth/login', { body: { email, password } })

async function changePassword(user: User): Promise<number> {
  const newPassword = `${PASSWORD} ${crypto.randomUUID()}`
  const answer = await pair.clients[0].call('PUT', '/api/v1/auth/password', {
    token: user.accessToken,
    body: { currentPassword: user.password, newPassword },
  })
  user.password = newPassword
  return answer.statusCode
}

const switchAccount = (action: 'disable' | 'enable') => async (user: User) =>
  (await pair.clients[0].call('POST', `/api/v1/users/${user.id}/${action}`, { token: admin.accessToken }))
    .statusCode

it('P4: logout beats refresh, in 70 races', async () => {
  const logOut = async (_user: User, { accessToken }: Tokens) =>
    (await pair.clients[0].call('POST', '/api/v1/auth/logout', { token: accessToken })).statusCode
  await run({ prepare: logIn, prolong: refresh, end: logOut }, 70)
})

it('P4: a password change beats the refresh of another session, in 70 races', async () => {
  await run({ prepare: logIn, prolong: refresh, end: changePassword }, 70)
})

it('P4: disabling an account beats refresh, in 70 races', async () => {
  await run(
    { prepare: logIn, prolong: refresh, end: switchAccount('disable'), restore: switchAccount('enable') },
    70,
  )
})

it('P4: disabling an account beats a login, in 30 races', async () => {
  await run(
    { prepare: logIn, prolong: logInAgain, end: switchAccount('disable'), restore: switchAccount('enable') },
    30,
  )
})

it('P4: a password change beats a login with the old password, in 30 races', async () => {
  await run({ prepare: logIn, prolong: logInAgain, end: changePassword }, 30)
})

it('P4: a change of role beats refresh, so that no token keeps the old role, in 30 races', async () => {
  const database = createDatabase(testConfig(pair.database.url).database)
  try {
    const promote = async ({ email }: User) => ((await assignRole(database, email, 'admin')) ? 204 : 409)
    const demote = ({ email }: User) => assignRole(database, email, 'user')
    await run({ prepare: logIn, prolong: refresh, end: promote, restore: demote }, 30)
  } finally {
    await database.pool.end()
  }
})
