/** Authenticates requests: verifies access tokens, checks that their sessions are live, and guards scopes of routes. */
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
import { type Guard, needsAccessToken } from '../../http/guard.ts'
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
 * Milliseconds added to the lifetime of access tokens, for which an ended session is remembered: twice the clock skew,
 * and the time between the commit of a refresh and the signature of its token.
 */
const RETENTION_SLACK_MS = 60_000

/** Returns the id of the user who owns the object in the path, or undefined if there is no such object. */
type FindOwner = (request: FastifyRequest) => string | undefined | Promise<string | undefined>

/** A guard, and for an owner guard the function that finds the owner. */
type AccessGuard = Guard & ({ requires: 'user' | 'admin' } | { requires: 'owner'; ownerOf: FindOwner })

declare module 'fastify' {
  interface FastifyInstance {
    revocations: Revocations
    /**
     * Adds a guard to all routes that are registered in `scope` after this call. Throws if the scope has routes already.
     * Guards do not nest: a route with two guards is refused at the start.
     */
    guard: (scope: FastifyInstance, guard: AccessGuard) => void
  }
}

/** Decorates the app with `guard` and `revocations`, and adds the route of the public keys. */
export async function sessionsPlugin(app: FastifyInstance, { config }: ModuleOptions): Promise<void> {
  const { jwt: settings, database } = config
  const keys = new Map([...verificationKeys(settings)].map(([kid, key]) => [kid, exportPem(key)]))
  await app.register(jwt, {
    secret: { public: (_request: FastifyRequest, token: unknown) => selectPublicKey(token, keys) },
    decode: { complete: true },
    verify: {
      algorithms: [ALGORITHM],
      allowedIss: settings.issuer,
      allowedAud: settings.audience,
      checkTyp: TOKEN_TYPE,
      // The plugin does not check the value of a claim that is missing, so the claims must be required too.
      requiredClaims: ['iss', 'aud', 'sub', 'sid', 'role', 'jti', 'iat', 'exp'],
      clockTolerance: CLOCK_SKEW_SECONDS * 1000,
      // The plugin's own parser accepts a tab as a space, and skips words before the token.
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
  const scopesWithRoutes = new WeakSet<FastifyInstance>()
  app.addHook('onRoute', function refuseOwnGuard(route) {
    scopesWithRoutes.add(this)
    if (needsAccessToken(route.config?.guard))
      throw new Error(`${route.url} describes a guard in its own config, which guards nothing`)
  })
  app.decorate('guard', (scope, guard) => {
    // Its hooks would run for the earlier routes too, but OpenAPI and the report would show these as public.
    if (scopesWithRoutes.has(scope)) throw new Error('a guard must come before the routes of its scope')
    scope.addHook('onRequest', authenticate)
    if (guard.requires === 'owner') scope.addHook('onRequest', createRequireOwner(guard))
    if (guard.requires === 'admin') scope.addHook('onRequest', requireAdmin)
    scope.addHook('onRoute', route => describeGuard(route, guard))
  })
  await app.register(jwksRoutes, config)
}

/** Memory for verified tokens, in bytes: enough for 10,000 tokens of 750 characters. */
const CACHE_BYTES = 16 * 2 ** 20

/** Bytes of a cache entry in addition to the header: the claims and the cache's own lists. */
const ENTRY_BYTES = 900

/**
 * Returns a hook that verifies the bearer token, checks that its session is live, and sets `request.user`. It throws
 * Unauthorized.
 *
 * Verified tokens are cached: an RSA verification takes 68 µs of CPU, a look-up less than 1 µs. Everything that can
 * change is still checked on each request: expiry, and whether the session has ended. The signing keys change only with
 * a restart, which empties the cache.
 */
function createAuthenticate(revocations: Revocations, lifetime: number) {
  const verified = new LRUCache<string, { header: string; claims: AccessClaims }>({
    maxSize: CACHE_BYTES,
    sizeCalculation: ({ header }) => header.length + ENTRY_BYTES,
  })

  function recall(header: string): AccessClaims | undefined {
    const cached = verified.get(cacheKeyOf(header))
    return cached?.header === header && !isExpired(cached.claims) ? cached.claims : undefined
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
      verified.set(cacheKeyOf(header), { header, claims })
      return claims
    } catch (error) {
      // Any error of the verifier means 401: for some forged tokens the plugin's own response was 500.
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

  /** Admits a request whose token is not cached, or whose session must be looked up in the database. */
  async function admit(
    request: FastifyRequest,
    claims: AccessClaims | Promise<AccessClaims>,
    isRevoked: boolean | Promise<boolean> | undefined,
  ): Promise<void> {
    request.user = await claims
    if (await (isRevoked ?? revocations.isRevoked(request.user))) throw new errors.Unauthorized()
  }
}

/**
 * Returns the cache key: the last 32 characters of the token, which are part of its signature. To hash all its 750
 * characters for the look-up would take 1 µs longer than to compare them with the cached header.
 */
function cacheKeyOf(header: string): string {
  return header.slice(-32)
}

function isExpired({ exp }: AccessClaims): boolean {
  return Date.now() >= (exp + CLOCK_SKEW_SECONDS) * 1000
}

/**
 * Returns a hook that admits only the owner of an object. Other users, admins included, get the same response as for an
 * object that does not exist: 403, or 404 if `isHidden`.
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

/** Writes the guard into the route's config and schema, from which OpenAPI and the report read it. Throws for a second one. */
function describeGuard(route: RouteOptions, { requires, isHidden }: Guard): void {
  if (route.config?.guard) throw new Error(`${route.url} has two guards, and could describe only one`)
  route.config = { ...route.config, guard: { requires, ...(isHidden && { isHidden }) } }
  route.schema = { ...route.schema, security: [{ accessToken: [] }] }
}

/**
 * Returns the public key that the token's `kid` names. Keys in the header itself (jwk, jku, x5u) are ignored: RFC 8725
 * §3.5. Throws Unauthorized.
 */
async function selectPublicKey(token: unknown, keys: Map<string, string>): Promise<string> {
  const { header } = token as { header: { kid?: unknown; crit?: unknown } }
  const key = typeof header.kid === 'string' ? keys.get(header.kid) : undefined
  // RFC 7515 §4.1.11: a token with an unknown critical extension is invalid.
  if (key === undefined || header.crit !== undefined) throw new errors.Unauthorized()
  return key
}

function exportPem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString()
}
