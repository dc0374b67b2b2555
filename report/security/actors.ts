/** Users of the service for one report: registered over its API, with passwords and tokens of this run. */
import { createPrivateKey, createPublicKey, randomBytes, sign } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose'
import { NotVerified } from '../errors.ts'
import type { Client, Http, HttpResponse } from '../http.ts'
import type { Internals } from '../subject/subject.ts'

export const AUTH = '/api/v1/auth'
export const USERS = '/api/v1/users'

export type Actor = {
  id: string
  email: string
  password: string
  accessToken: string
  refreshToken: string
  /** An HTTP client with its own address. */
  client: Client
}

export type Actors = ReturnType<typeof createActors>

/** Creates accounts, tokens and forged tokens. */
export function createActors(http: Http, { query, signingKey }: Pick<Internals, 'query' | 'signingKey'>) {
  const run = randomBytes(4).toString('hex')
  let count = 0

  const newEmail = () => `report-${run}-${++count}@example.com`

  /** Returns a registered user who has logged in, with its own client address. */
  async function user(): Promise<Actor> {
    const account = await register()
    return { ...account, ...(await logIn(account)) }
  }

  async function register() {
    const client = http.client()
    const email = newEmail()
    const password = randomBytes(18).toString('base64url')
    const body = { email, password, displayName: 'Report Reader' }
    const response = await client.call('POST', `${AUTH}/register`, { body })
    const { id } = (response.json.user ?? {}) as { id?: string }
    if (response.status !== 201 || id === undefined) {
      throw new NotVerified(`an account cannot be registered: the response was ${response.status}`)
    }
    return { id, email, password, client }
  }

  async function logIn({ email, password, client }: Pick<Actor, 'email' | 'password' | 'client'>) {
    return tokensOf(await client.call('POST', `${AUTH}/login`, { body: { email, password } }))
  }

  /** Returns a user whose role is admin in the database. */
  async function admin(): Promise<Actor> {
    const account = await register()
    await query(`update users set role = 'admin' where id = $1`, [account.id])
    return { ...account, ...(await logIn(account)) }
  }

  return { user, admin, logIn, newEmail, ...createForge(signingKey) }
}

/** Forges what an attacker with the service's key, or with its public half, could sign. */
function createForge(signingKey: string) {
  type Change = { claims?: JWTPayload; header?: Partial<JWTHeaderParameters>; key?: string }
  return {
    /** Returns a copy of `token` with the given changes, signed with the service's key or with `key`. */
    forge(token: string, { claims = {}, header = {}, key = signingKey }: Change): Promise<string> {
      const original = { alg: 'RS256', ...decodeProtectedHeader(token) }
      return new SignJWT({ ...decodeJwt(token), ...claims })
        .setProtectedHeader({ ...original, ...header } as JWTHeaderParameters)
        .sign(createPrivateKey(key))
    },
    /** Signs any header and payload with the service's key and RS256, also those that libraries refuse to sign. */
    forgeText(header: object, payload: string): string {
      const signed = [JSON.stringify(header), payload]
        .map(part => Buffer.from(part).toString('base64url'))
        .join('.')
      return `${signed}.${sign('sha256', Buffer.from(signed), signingKey).toString('base64url')}`
    },
    /** Returns the published key as PEM. */
    publicKey: (): string =>
      createPublicKey(createPrivateKey(signingKey)).export({ type: 'spki', format: 'pem' }).toString(),
  }
}

/** Returns the tokens of a login or a refresh. Throws NotVerified where there are none. */
export function tokensOf(response: HttpResponse): { accessToken: string; refreshToken: string } {
  const { accessToken, refreshToken } = response.json
  if (response.status !== 200 || typeof accessToken !== 'string' || typeof refreshToken !== 'string') {
    throw new NotVerified(`no tokens: the response to ${response.exchange.request} was ${response.status}`)
  }
  return { accessToken, refreshToken }
}

/** Returns the claims of a token without verifying it. */
export function claimsOf(token: string): JWTPayload {
  return decodeJwt(token)
}
