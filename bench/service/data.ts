/** The users of the load: listed and signed in over HTTP, as any client would. */
import { RunError, reasonOf } from '../../harness/errors.ts'
import { sleep } from '../load/clock.ts'
import type { Datasets, Row } from '../load/template.ts'
import { ADMIN_EMAIL } from './service.ts'

/** What the seed command gives all its users. */
export const SEEDED_PASSWORD = 'correct horse battery staple'
const LARGEST_PAGE = 100

const RETRIES = 20
const RETRY_MS = 250

/**
 * Returns the data sets of the service's scenarios: `users`, everyone; `sessions`, signed-in users, one per connection;
 * `admins`, one. Throws a RunError when the service does not hand them out.
 */
export async function loadData(origin: string, sessions: number): Promise<Datasets> {
  const admin = await signIn(origin, { email: ADMIN_EMAIL })
  const users = await listUsers(origin, admin.accessToken ?? '')
  const chosen = users.slice(0, sessions)
  if (chosen.length < sessions)
    throw new RunError(`${users.length} users are too few for ${sessions} connections`)
  const signedIn: Row[] = []
  for (const user of chosen) signedIn.push(await signIn(origin, user))
  return {
    users: users.map(user => ({ ...user, password: SEEDED_PASSWORD })),
    sessions: signedIn,
    admins: [admin],
  }
}

async function signIn(origin: string, user: Row): Promise<Row> {
  const { accessToken, refreshToken } = await ask(`${origin}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: user.email, password: SEEDED_PASSWORD }),
  })
  return { ...user, accessToken: String(accessToken), refreshToken: String(refreshToken) }
}

async function listUsers(origin: string, token: string): Promise<Row[]> {
  const users: Row[] = []
  let cursor: unknown = ''
  do {
    const query = `role=user&limit=${LARGEST_PAGE}${cursor ? `&cursor=${encodeURIComponent(String(cursor))}` : ''}`
    const page = await ask(`${origin}/api/v1/users?${query}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    if (!Array.isArray(page.items)) throw new RunError('the list of users has no items')
    for (const { id, email, displayName } of page.items) {
      users.push({ id: String(id), email: String(email), displayName: String(displayName) })
    }
    cursor = page.nextCursor
  } while (cursor)
  return users
}

async function ask(url: string, init: RequestInit): Promise<Record<string, unknown>> {
  let response = await send(url, init)
  // On a machine that is busy with something else a service sheds load at its start; that passes.
  for (let i = 0; i < RETRIES && response.status === 503; i++) {
    await response.text()
    await sleep(RETRY_MS)
    response = await send(url, init)
  }
  if (!response.ok) {
    const reason = (await response.text()).slice(0, 200)
    throw new RunError(`${nameOf(url, init)} responded with ${response.status}: ${reason}`)
  }
  return (await response.json()) as Record<string, unknown>
}

async function send(url: string, init: RequestInit): Promise<Response> {
  return fetch(url, init).catch((error: Error) => {
    throw new RunError(`${nameOf(url, init)} got no response: ${reasonOf(error.cause ?? error)}`)
  })
}

function nameOf(url: string, { method = 'GET' }: RequestInit): string {
  return `${method} ${new URL(url).pathname}`
}
