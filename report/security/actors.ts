/** People who use the service during a report: made over its API, with the passwords and tokens of this run. */
import { createPrivateKey, createPublicKey, randomBytes, sign } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose'
import type { Answer, Client, Http } from '../http.ts'
import type { Internals } from '../subject/subject.ts'
import { NotVerified } from './probe.ts'

export const AUTH = '/api/v1/auth'
export const USERS = '/api/v1/users'

export type Actor = {
  id: string
  email: string
  password: string
  accessToken: string
  refreshToken: string
  /** An address of the actor's own. */
  client: Client
}

export type Actors = ReturnType<typeof createActors>

/** Makes accounts, tokens and forgeries. */
export function createActors(http: Http, { query, signingKey }: Pick<Internals, 'query' | 'signingKey'>) {
  const run = randomBytes(4).toString('hex')
  let count = 0

  const newEmail = () => `report-${run}-${++count}@example.com`

  /** A registered and logged-in user, at an address of its own. */
  async function user(): Promise<Actor> {
    const account = await register()
    return { ...account, ...(await logIn(account)) }
  }

  async function register() {
    const client = http.client()
    const email = newEmail()
    const password = randomBytes(18).toString('base64url')
    const body = { email, password, displayName: 'Report Reader' }
    const answer = await client.call('POST', `${AUTH}/register`, { body })
    const { id } = (answer.json.user ?? {}) as { id?: string }
    if (answer.status !== 201 || id === undefined)
      throw new NotVerified(`no account could be made: registration answered ${answer.status}`)
    return { id, email, password, client }
  }

  async function logIn({ email, password, client }: Pick<Actor, 'email' | 'password' | 'client'>) {
    return tokensOf(await client.call('POST', `${AUTH}/login`, { body: { email, password } }))
  }

  /** A user whom the database calls an admin. */
  async function admin(): Promise<Actor> {
    const account = await register()
    await query(`update users set role = 'admin' where id = $1`, [account.id])
    return { ...account, ...(await logIn(account)) }
  }

  return { user, admin, logIn, newEmail, ...createForge(signingKey) }
}

/** What somebody could make who has the service's key, or only its public half. */
function createForge(signingKey: string) {
  type Change = { claims?: JWTPayload; header?: Partial<JWTHeaderParameters>; key?: string }
  return {
    /** A token like `token`, but for what is given; signed with the service's own key unless another is. */
    forge(token: string, { claims = {}, header = {}, key = signingKey }: Change): Promise<string> {
      const original = { alg: 'RS256', ...decodeProtectedHeader(token) }
      return new SignJWT({ ...decodeJwt(token), ...claims })
        .setProtectedHeader({ ...original, ...header } as JWTHeaderParameters)
        .sign(createPrivateKey(key))
    },
    /** Any header and payload, also those that no library would sign, under the service's own RS256 signature. */
    forgeText(header: object, payload: string): string {
      const signed = [JSON.stringify(header), payload]
        .map(part => Buffer.from(part).toString('base64url'))
        .join('.')
      return `${signed}.${sign('sha256', Buffer.from(signed), signingKey).toString('base64url')}`
    },
    /** PEM of the key that anybody can have. */
    publicKey: (): string =>
      createPublicKey(createPrivateKey(signingKey)).export({ type: 'spki', format: 'pem' }).toString(),
  }
}

/** The tokens of a login or a refresh. */
export function tokensOf(answer: Answer): { accessToken: string; refreshToken: string } {
  const { accessToken, refreshToken } = answer.json
  if (answer.status !== 200 || typeof accessToken !== 'string' || typeof refreshToken !== 'string')
    throw new NotVerified(`no tokens: ${answer.exchange.request} answered ${answer.status}`)
  return { accessToken, refreshToken }
}

/** What a token says, unverified. */
export function claimsOf(token: string): JWTPayload {
  return decodeJwt(token)
}
