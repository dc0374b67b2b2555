/** P4: what ends a session races against what extends or opens one, over two processes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase } from '../../../src/db/client.ts'
import { assignRole } from '../../../src/modules/users/service.ts'
import { PASSWORD, type Tokens } from '../../helpers/app.ts'
import { testConfig } from '../../helpers/config.ts'
import { openSessions } from '../../helpers/sessions.ts'
import { countUnusedTokens, createTokenFactory } from '../../helpers/tokens.ts'
import {
  expectRefusedEverywhere,
  makeAdmin,
  startTwoInstances,
  type TwoInstances,
} from '../../helpers/two-instances.ts'

/** Races that run at the same time: enough for two processes to wait for each other's locks. */
const LANES = 5

let instances: TwoInstances
let admin: Tokens
let tokenFor: ReturnType<typeof createTokenFactory>

beforeAll(async () => {
  instances = await startTwoInstances()
  tokenFor = createTokenFactory(testConfig(instances.database.url))
  const { id, email } = await instances.clients[0].signUp()
  await makeAdmin(instances, id)
  admin = await instances.clients[0].logIn(email)
})
afterAll(() => instances.stop())

/** The tokens of a session. */
type Session = Pick<Tokens, 'accessToken' | 'refreshToken'>

type User = Session & { id: string; email: string; password: string }

/** One kind of race, for one user. */
type Race = {
  /** The tokens at the start of a race. */
  prepare: (user: User) => Promise<Session>
  /** Extends or opens a session. The response has tokens when it wins. */
  prolong: (user: User, tokens: Session) => Promise<{ statusCode: number; json: () => Session }>
  /** Ends the sessions; resolves to a status. */
  end: (user: User, tokens: Session) => Promise<number>
  /** Prepares the user for the next race. */
  restore?: (user: User) => Promise<unknown>
}

/** Returns the response, and its time in milliseconds. */
async function timed<T>(work: Promise<T>) {
  const start = performance.now()
  const response = await work
  return { response, took: performance.now() - start }
}

/** Returns numbers from 0 to 1 in even steps, from the middle outwards. */
function sweep(count: number): number[] {
  const steps = Array.from({ length: count }, (_, index) => index / (count - 1))
  return steps.toSorted((left, right) => Math.abs(left - 0.5) - Math.abs(right - 0.5))
}

/**
 * Runs a race many times. The start of each side moves from "extended well before the end" to "ended well before the
 * extension", based on the previous times of both. After each race, no token is accepted.
 * Returns which races `prolong` won.
 */
async function runLane({ prepare, prolong, end, restore }: Race, races: number): Promise<boolean[]> {
  const [client, other] = instances.clients
  const user: User = { ...(await client.signUp()), password: PASSWORD }
  const took = { prolong: 10, end: 10 }
  const outcomes: boolean[] = []
  for (const position of sweep(races)) {
    const tokens = await prepare(user)
    const before = { ...user }
    const lead = 1.5 * (position * took.end - (1 - position) * took.prolong)
    const [prolonged, ended] = await Promise.all([
      sleep(Math.max(0, lead)).then(() => timed(prolong(before, tokens))),
      sleep(Math.max(0, -lead)).then(() => timed(end(user, tokens))),
    ])
    const endedAt = Date.now()
    Object.assign(took, { prolong: prolonged.took, end: ended.took })
    expect(ended.response).toBe(204)
    expect([200, 401]).toContain(prolonged.response.statusCode)
    const isGranted = prolonged.response.statusCode === 200
    outcomes.push(isGranted)
    for (const { accessToken, refreshToken } of isGranted ? [tokens, prolonged.response.json()] : [tokens]) {
      await expectRefusedEverywhere(instances.clients, accessToken, endedAt)
      expect((await other.refresh(refreshToken)).statusCode).toBe(401)
      expect(await countUnusedTokens(instances.database, accessToken)).toBe(0)
    }
    await restore?.(user)
  }
  return outcomes
}

async function run(race: Race, races: number): Promise<void> {
  const lanes = Array.from({ length: LANES }, () => runLane(race, races / LANES))
  const outcomes = (await Promise.all(lanes)).flat()
  expect(outcomes).toHaveLength(races)
  // Each side has won at least once: it was a race.
  expect(new Set(outcomes).size).toBe(2)
}

/** Opens another session of the user, as a login would. */
async function openSession({ id }: User): Promise<Session> {
  const [session] = await openSessions(instances.database, id, 1)
  if (!session) throw new Error('no session was opened')
  const accessToken = await tokenFor({ userId: id, sessionId: session.id })
  return { accessToken, refreshToken: session.refreshToken }
}

const refresh = (_user: User, { refreshToken }: Session) => instances.clients[1].refresh(refreshToken)
const logInAgain = ({ email, password }: User) =>
  instances.clients[1].call('POST', '/api/v1/auth/login', { body: { email, password } })

async function changePassword(user: User): Promise<number> {
  const newPassword = `${PASSWORD} ${crypto.randomUUID()}`
  const response = await instances.clients[0].call('PUT', '/api/v1/auth/password', {
    token: user.accessToken,
    body: { currentPassword: user.password, newPassword },
  })
  user.password = newPassword
  return response.statusCode
}

const switchAccount = (action: 'disable' | 'enable') => async (user: User) =>
  (
    await instances.clients[0].call('POST', `/api/v1/users/${user.id}/${action}`, {
      token: admin.accessToken,
    })
  ).statusCode

it('P4: logout beats refresh, in 70 races', async () => {
  const logOut = async (_user: User, { accessToken }: Session) =>
    (await instances.clients[0].call('POST', '/api/v1/auth/logout', { token: accessToken })).statusCode
  await run({ prepare: openSession, prolong: refresh, end: logOut }, 70)
})

it('P4: a password change beats the refresh of another session, in 70 races', async () => {
  await run({ prepare: openSession, prolong: refresh, end: changePassword }, 70)
})

it('P4: disabling an account beats refresh, in 70 races', async () => {
  await run(
    {
      prepare: openSession,
      prolong: refresh,
      end: switchAccount('disable'),
      restore: switchAccount('enable'),
    },
    70,
  )
})

it('P4: disabling an account beats a login, in 30 races', async () => {
  await run(
    {
      prepare: openSession,
      prolong: logInAgain,
      end: switchAccount('disable'),
      restore: switchAccount('enable'),
    },
    30,
  )
})

it('P4: a password change beats a login with the old password, in 30 races', async () => {
  await run({ prepare: openSession, prolong: logInAgain, end: changePassword }, 30)
})

it('P4: a change of role beats refresh, so that no token keeps the old role, in 30 races', async () => {
  const database = createDatabase(testConfig(instances.database.url).database)
  try {
    const promote = async ({ email }: User) =>
      (await assignRole(database, email, 'admin')) === 'changed' ? 204 : 409
    const demote = ({ email }: User) => assignRole(database, email, 'user')
    await run({ prepare: openSession, prolong: refresh, end: promote, restore: demote }, 30)
  } finally {
    await database.pool.end()
  }
})
