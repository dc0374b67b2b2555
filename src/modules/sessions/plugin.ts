/** Authenticates requests: verifies access tokens, checks that their session is live, and guards scopes of routes. */
import type { KeyObject } from 'node:crypto'
import jwt from '@fastify/jwt'
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
  RouteOptions,
} from 'fastify'
import { LRUCache } from 'lru-cache'
import { errors } from '../../http/errors.ts'
import type { Guard } from '../../http/guard.ts'
import { readBearerToken } from '../../lib/bearer.ts'
import type { ModuleOptions } from '../define-module.ts'
import {
  type AccessClaims,
  ALGORITHM,
  areAccessClaims,
  CLOCK_SKEW_SECONDS,
  TOKEN_TYPE,
  verificationKeys,
} from './access-tokens.ts'
import { jwksRoutes } from './jwks-routes.ts'
import { isSessionRevoked } from './repository.ts'
import { createRevocations, type Revocations } from './revocations.ts'

declare module '@fastify/jwt' {
  interface FastifyJWT {
    payload: AccessClaims
    user: AccessClaims
  }
}

/**
 * What a token may be accepted for after its session's end and beyond its life: clocks that differ, twice, and the
 * time between the commit of a refresh and the signature of its token.
 */
const RETENTION_SLACK_MS = 60_000

/** Returns the id of the user who owns the object that the path names; undefined where there is no such object. */
type FindOwner = (request: FastifyRequest) => string | undefined | Promise<string | undefined>

/** What `app.guard` takes: a guard, and for an owner's how to find them. */
type AccessGuard = Guard & ({ requires: 'user' | 'admin' } | { requires: 'owner'; ownerOf: FindOwner })

declare module 'fastify' {
  interface FastifyInstance {
    revocations: Revocations
    /** Puts a guard before every route that is registered in `scope` from here on. */
    guard: (scope: FastifyInstance, guard: AccessGuard) => void
  }
}

export async function sessionsPlugin(app: FastifyInstance, { config }: ModuleOptions): Promise<void> {
  const { jwt: settings, database } = config
  const keys = new Map([...verificationKeys(settings)].map(([kid, key]) => [kid, exportPem(key)]))
  await app.register(jwt, {
    secret: { public: (_request: FastifyRequest, token: unknown) => keyOf(token, keys) },
    decode: { complete: true },
    verify: {
      algorithms: [ALGORITHM],
      allowedIss: settings.issuer,
      allowedAud: settings.audience,
      checkTyp: TOKEN_TYPE,
      // A claim that is not there is not compared with what is allowed: it has to be asked for.
      requiredClaims: ['iss', 'aud', 'sub', 'sid', 'role', 'jti', 'iat', 'exp'],
      clockTolerance: CLOCK_SKEW_SECONDS * 1000,
      // The plugin's own reading takes a tab for a space, and skips words before the token.
      extractToken: ({ headers }: FastifyRequest) => readBearerToken(headers.authorization),
    },
  })

  const revocations = createRevocations({
    urls: { listenUrl: database.directUrl, notifyUrl: database.url },
    retention: settings.accessTokenTtl + RETENTION_SLACK_MS,
    isRevokedInDatabase: sessionId => isSessionRevoked(app.database.db, sessionId),
    log: app.log,
    outage: app.outage,
  })
  app.decorate('revocations', revocations)
  app.addHook('onReady', revocations.open)
  app.addHook('onClose', revocations.close)

  const authenticate = createAuthenticate(revocations, settings.accessTokenTtl)
  app.decorate('guard', (scope, guard) => {
    scope.addHook('onRequest', authenticate)
    if (guard.requires === 'owner') scope.addHook('onRequest', createRequireOwner(guard))
    if (guard.requires === 'admin') scope.addHook('onRequest', requireAdmin)
    scope.addHook('onRoute', route => describeGuard(route, guard))
  })
  await app.register(jwksRoutes, config)
}

/** Memory for tokens that were verified, in bytes: room for 10,000 tokens of 750 characters. */
const CACHE_BYTES = 16 * 2 ** 20

/** What an entry takes besides the characters of the header: the claims, and the cache's own lists. */
const ENTRY_BYTES = 900

/**
 * A hook that verifies the bearer token and that its session has not ended, and sets `request.user`.
 *
 * A verified token is remembered: the RSA verification costs 68 µs of CPU, the look-up less than one. What may change
 * is checked on every request all the same: expiry, and whether the session has ended. The keys change only with a
 * restart, which empties the memory. It is remembered as the header that most clients send, by its end, which is of the
 * signature: hashing all its 750 characters for the look-up would take 1 µs more than comparing them.
 */
function createAuthenticate(revocations: Revocations, lifetime: number) {
  const verified = new LRUCache<string, { header: string; claims: AccessClaims }>({
    maxSize: CACHE_BYTES,
    sizeCalculation: ({ header }) => header.length + ENTRY_BYTES,
  })

  function recall(header: string): AccessClaims | undefined {
    const known = verified.get(keyOfHeader(header))
    return known?.header === header && !isExpired(known.claims) ? known.claims : undefined
  }

  async function verify(request: FastifyRequest): Promise<AccessClaims> {
    const token = readBearerToken(request.headers.authorization)
    if (token === undefined) throw new errors.Unauthorized()
    const header = `Bearer ${token}`
    return recall(header) ?? verifySignature(request, header)
  }

  async function verifySignature(request: FastifyRequest, header: string): Promise<AccessClaims> {
    try {
      const claims: object = await request.jwtVerify()
      if (!areAccessClaims(claims, lifetime)) throw new TypeError('the claims are not of an access token')
      verified.set(keyOfHeader(header), { header, claims })
      return claims
    } catch (error) {
      // Whatever a forged token makes of the verifier, it is a refusal: it has answered 500 to some of them.
      request.log.debug({ err: error }, 'access token refused')
      throw new errors.Unauthorized()
    }
  }

  return function authenticate(
    request: FastifyRequest,
    _reply: FastifyReply,
    done: HookHandlerDoneFunction,
  ): void {
    const claims = recall(request.headers.authorization ?? '')
    const isRevoked = claims && revocations.isRevoked(claims)
    if (claims && isRevoked === false) {
      request.user = claims
      done()
    } else {
      admit(request, claims ?? verify(request), isRevoked).then(() => done(), done)
    }
  }

  /** The long way: a token not seen before, or a session that has to be asked for, and may be already. */
  async function admit(
    request: FastifyRequest,
    claims: AccessClaims | Promise<AccessClaims>,
    isRevoked: boolean | Promise<boolean> | undefined,
  ): Promise<void> {
    request.user = await claims
    if (await (isRevoked ?? revocations.isRevoked(request.user))) throw new errors.Unauthorized()
  }
}

function keyOfHeader(header: string): string {
  return header.slice(-32)
}

function isExpired({ exp }: AccessClaims): boolean {
  return Date.now() >= (exp + CLOCK_SKEW_SECONDS) * 1000
}

/**
 * Returns a hook that lets the owner of an object through. All others, the admins too, get the same refusal as for an object
 * that does not exist.
 */
function createRequireOwner({ ownerOf, isHidden = false }: { ownerOf: FindOwner; isHidden?: boolean }) {
  return async function requireOwner(request: FastifyRequest): Promise<void> {
    if ((await ownerOf(request)) === request.user.sub) return
    throw isHidden ? new errors.NotFound() : new errors.Forbidden()
  }
}

function requireAdmin(request: FastifyRequest, _reply: FastifyReply, done: HookHandlerDoneFunction): void {
  done(request.user.role === 'admin' ? undefined : new errors.Forbidden())
}

/** Writes the guard into the route, so that neither OpenAPI nor the report can disagree with it. */
function describeGuard(route: RouteOptions, { requires, isHidden }: Guard): void {
  route.config = { ...route.config, guard: { requires, ...(isHidden && { isHidden }) } }
  route.schema = { ...route.schema, security: [{ accessToken: [] }] }
}

/** The key that the token's header names. Nothing else in the header (jwk, jku, x5u) is looked at: RFC 8725 §3.5. */
async function keyOf(token: unknown, keys: Map<string, string>): Promise<string> {
  const { header } = token as { header: { kid?: unknown; crit?: unknown } }
  const key = typeof header.kid === 'string' ? keys.get(header.kid) : undefined
  // RFC 7515 §4.1.11: an extension that must be understood, and is not, voids the token.
  if (key === undefined || header.crit !== undefined) throw new errors.Unauthorized()
  return key
}

function exportPem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString()
}
