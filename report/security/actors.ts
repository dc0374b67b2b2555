/** Users of the service for one report: registered over its API, with passwords and tokens of this run. */
import { createPrivateKey, createPublicKey, randomBytes, sign } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose'
import { NotVerified } from '../errors.ts'
import type { Client, Http, HttpResponse } from '../http.ts'
import type { Api } from '../service/api.ts'
import { findId } from '../service/find-id.ts'
import type { Internals } from '../subject/subject.ts'

export type Actor = {
  id: string
  email: string
  password: string
  accessToken: string
  refreshToken: string
  /** An HTTP client with its own address. */
  client: Client
}

/** The secrets that all accounts of the report have used so far. */
export type Issued = Record<'passwords' | 'accessTokens' | 'refreshTokens', Set<string>>

export type Actors = ReturnType<typeof createActors>

/** Creates accounts, tokens and forged tokens. */
export function createActors(
  http: Http,
  api: Api,
  { query, signingKey }: Pick<Internals, 'query' | 'signingKey'>,
) {
  const run = randomBytes(4).toString('hex')
  let count = 0

  /** All addresses have the same length, so that it shows in no response whose address it is. */
  const newEmail = () => `report-${run}-${String(++count).padStart(5, '0')}@example.com`

  const issued: Issued = { passwords: new Set(), accessTokens: new Set(), refreshTokens: new Set() }

  /** Returns a registered user who has logged in, with its own client address. */
  async function user(): Promise<Actor> {
    const account = await register()
    return { ...account, ...(await logIn(account)) }
  }

  async function register() {
    const client = http.client()
    const email = newEmail()
    const password = randomBytes(18).toString('base64url')
    issued.passwords.add(password)
    const body = api.body(api.route('register'), { email, password })
    const response = await client.call(...api.to('register'), { body })
    const id = findId(response.json)
    if (response.status >= 300 || id === undefined) {
      throw new NotVerified(`an account cannot be registered: the response was ${response.status}`)
    }
    return { id, email, password, client }
  }

  async function logIn({ email, password, client }: Pick<Actor, 'email' | 'password' | 'client'>) {
    const body = api.body(api.route('login'), { email, password })
    const tokens = tokensOf(await client.call(...api.to('login'), { body }))
    issued.accessTokens.add(tokens.accessToken)
    issued.refreshTokens.add(tokens.refreshToken)
    return tokens
  }

  /** Returns a user who is an admin, as the config makes one. */
  async function admin(): Promise<Actor> {
    const { promote } = api.config
    if (!promote) throw new NotVerified('no admin: report.config.ts does not say how an account becomes one')
    const account = await register()
    await promote(account, query)
    return { ...account, ...(await logIn(account)) }
  }

  return { user, admin, newClient: http.client, logIn, newEmail, issued, ...createForge(signingKey) }
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
  const accessToken = textOf(response.json, /^(access_?)?token$|^jwt$/i)
  const refreshToken = textOf(response.json, /^refresh_?token$/i) ?? ''
  if (response.status >= 300 || accessToken === undefined) {
    throw new NotVerified(`no tokens: the response to ${response.exchange.request} was ${response.status}`)
  }
  return { accessToken, refreshToken }
}

function textOf(json: Record<string, unknown>, name: RegExp): string | undefined {
  const found = Object.entries(json).find(([key, value]) => name.test(key) && typeof value === 'string')
  return found?.[1] as string | undefined
}

/** Returns the claims of a token without verifying it. */
export function claimsOf(token: string): JWTPayload {
  return decodeJwt(token)
}
