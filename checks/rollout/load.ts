/** A steady load on the service's routes: accounts that register, log in, read, write, refresh and log out. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Tally } from './tally.ts'

/** At this pace a user sends 15 requests a second at most: a load, not a stress test. */
const THINK_MS = 60

/** Longer than any limit of the service. */
const TIMEOUT_MS = 30_000

const PASSWORD = 'a quiet harbour at dawn 17'

const API = '/api/v1'

type Call = {
  method: string
  path: string
  /** The path for the table: with `:id` for an id. */
  route?: string
  token?: string
  body?: object
  expect: number
}

type Json = Record<string, unknown>
type Tokens = { accessToken: string; refreshToken: string }
type Send = (call: Call) => Promise<Json | undefined>

/** Returns what sends a request, counts it, and returns the body of the expected response, else undefined. */
export function createSend(origin: string, tally: Tally): Send {
  return async ({ method, path, route = path, token, body, expect }) => {
    const since = performance.now()
    const count = (outcome?: string) =>
      tally.add(`${method} ${route.split('?')[0]}`, performance.now() - since, outcome)
    try {
      const response = await fetch(origin + path, {
        method,
        headers: {
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(body && { 'content-type': 'application/json' }),
        },
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body && { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      const json = parse(text)
      const isExpected = response.status === expect
      count(isExpected ? undefined : [response.status, json.code].filter(Boolean).join(' '))
      return isExpected ? json : undefined
    } catch (error) {
      const { cause, message } = error as Error & { cause?: { code?: string } }
      count(`no response (${cause?.code ?? message})`)
      return undefined
    }
  }
}

function parse(text: string): Json {
  try {
    return JSON.parse(text)
  } catch {
    // An empty body, or one that is not JSON: the status says enough.
    return {}
  }
}

/** Registers an account and logs it in. Returns undefined where either fails. */
export async function signUp(send: Send): Promise<(Tokens & { email: string }) | undefined> {
  const email = `rollout-${crypto.randomUUID()}@example.com`
  const account = { email, password: PASSWORD }
  const path = `${API}/auth/register`
  const body = { ...account, displayName: 'Ada Lovelace' }
  if (!(await send({ method: 'POST', path, body, expect: 201 }))) return undefined
  const tokens = await logIn(send, email)
  return tokens && { ...tokens, email }
}

/** Logs in an account of `signUp`. */
export async function logIn(send: Send, email: string): Promise<Tokens | undefined> {
  const body = { email, password: PASSWORD }
  const path = `${API}/auth/login`
  return (await send({ method: 'POST', path, body, expect: 200 })) as Tokens | undefined
}

/** Returns the keys that the version takes when a profile is changed: that may differ from this version's. */
export async function writableKeys(origin: string): Promise<string[]> {
  const response = await fetch(`${origin}/openapi.json`)
  const text = await response.text()
  const { paths } = parse(text) as {
    paths?: Record<string, { put?: { requestBody?: unknown } }>
  }
  const body = JSON.stringify(paths?.[`${API}/users/{id}`]?.put?.requestBody ?? {})
  return ['displayName', 'email'].filter(key => body.includes(`"${key}":`))
}

type Journey = {
  /** The access token of an admin. */
  adminToken: string
  /** What the version takes when a profile is changed. */
  keys: readonly string[]
  /** The address of an account that was registered before. */
  former: string | undefined
}

/**
 * Does what one account does from its registration to its logout, each step after a pause, and returns its address. Where
 * none can register, a former account goes on: what else fails is to be seen too.
 */
export async function runJourney(
  send: Send,
  { adminToken, keys, former }: Journey,
): Promise<string | undefined> {
  const paced: Send = async call => {
    await sleep(THINK_MS)
    return send(call)
  }
  const registered = await signUp(paced)
  const tokens = registered ?? (former && (await logIn(paced, former)))
  if (!tokens) return former
  let { accessToken: token, refreshToken } = tokens
  const get = (path: string, as = token) => paced({ method: 'GET', path, token: as, expect: 200 })
  const me = await get(`${API}/users/me`)
  if (me) {
    const id = { path: `${API}/users/${me.id}`, route: `${API}/users/:id` }
    const body = Object.fromEntries(keys.map(key => [key, me[key]]))
    await paced({ method: 'PUT', ...id, token, body, expect: 200 })
    await paced({ method: 'GET', ...id, token: adminToken, expect: 200 })
  }
  await get(`${API}/users?limit=5`, adminToken)
  await get(`${API}/users?role=admin&disabled=false&sort=email`, adminToken)
  await get(`${API}/auth/sessions`)
  const refresh = { method: 'POST', path: `${API}/auth/refresh`, body: { refreshToken } }
  const renewed = await paced({ ...refresh, expect: 200 })
  if (renewed) ({ accessToken: token, refreshToken } = renewed as Tokens)
  await paced({ method: 'POST', path: `${API}/auth/logout`, token, expect: 204 })
  await paced({ method: 'GET', path: '/health/ready', expect: 200 })
  return registered?.email ?? former
}
