/** Hono on Node.js with secure-headers, hono-rate-limiter, hono/jwt, zod-validator, pino and prom-client. */
import { serve } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { httpInstrumentationMiddleware } from '@hono/otel'
import { zValidator } from '@hono/zod-validator'
import { Hono, type MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { type JwtVariables, jwt, sign } from 'hono/jwt'
import { routePath } from 'hono/route'
import { secureHeaders } from 'hono/secure-headers'
import { rateLimiter } from 'hono-rate-limiter'
import { pino } from 'pino'
import { z } from 'zod'
import { readConfig } from '../shared/config.ts'
import { createLogin, tokenReply } from '../shared/login.ts'
import { createMetrics } from '../shared/metrics.ts'
import { type Caller, createDatabase, createUsers } from '../shared/users.ts'

const config = readConfig()
const users = createUsers(createDatabase(config.databaseUrl))
const login = createLogin(users)
const { registry, durations } = createMetrics()
const logger = pino()

// As keys of Web Crypto, not as PEM: Hono would import them anew for each token, at twice the cost.
const rsa = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
const privateKey = config.jwt.privateKey.toCryptoKey(rsa, false, ['sign'])
const publicKey = config.jwt.publicKey.toCryptoKey(rsa, false, ['verify'])

const Params = z.object({ id: z.uuid() })
const Credentials = z.strictObject({ email: z.email().max(254), password: z.string().min(1).max(128) })

const app = new Hono<{ Variables: JwtVariables<Caller> }>()
app.use(httpInstrumentationMiddleware({ serviceName: 'hono' }))
app.use(observeRequest())
app.use(secureHeaders())
app.get('/health', c => c.json({ status: 'ok' }))
app.get('/metrics', async c =>
  c.body(await registry.metrics(), 200, { 'content-type': registry.contentType }),
)
app.use(
  rateLimiter({
    windowMs: config.rateLimit.windowMs,
    limit: config.rateLimit.max,
    keyGenerator: c => getConnInfo(c).remote.address ?? '',
  }),
)

app.post('/api/v1/auth/login', zValidator('json', Credentials), async c => {
  const client = { ip: getConnInfo(c).remote.address ?? '', userAgent: c.req.header('user-agent') ?? '' }
  const opened = await login(c.req.valid('json'), client)
  if (!opened) return c.json({ error: 'Unauthorized' }, 401)
  const { issuer: iss, audience: aud, lifetimeSeconds } = config.jwt
  const iat = Math.floor(Date.now() / 1000)
  const claims = { ...opened.claims, iss, aud, iat, exp: iat + lifetimeSeconds }
  const accessToken = await sign(claims, privateKey, 'RS256')
  return c.json(tokenReply(accessToken, opened.refreshToken, config))
})

app.get('/api/v1/users/:id', authenticate(), zValidator('param', Params), async c => {
  const user = await users.view(c.req.valid('param').id, c.get('jwtPayload'))
  return user ? c.json(user) : c.json({ error: 'Not Found' }, 404)
})

app.onError((error, c) => {
  if (error instanceof HTTPException) return error.getResponse()
  logger.error(error)
  return c.json({ error: 'Internal Server Error' }, 500)
})
serve({ fetch: app.fetch, port: config.port, hostname: config.host })

function authenticate() {
  const { issuer: iss, audience: aud } = config.jwt
  // Hono's own tokens say JWT; those of others that sign with the key may say more.
  const verification = { iss, aud, typ: ['JWT', 'at+jwt'] }
  return jwt({ secret: publicKey, alg: 'RS256', verification })
}

/** The metrics and the access log in one: both want to know how the request ended, and how long it took. */
function observeRequest(): MiddlewareHandler {
  return async (c, next) => {
    const startedAt = performance.now()
    await next()
    const { method, path } = c.req
    const { status } = c.res
    const responseTime = performance.now() - startedAt
    durations.observe({ method, route: routePath(c), status }, responseTime / 1000)
    const req = { method, url: path, remoteAddress: getConnInfo(c).remote.address }
    logger.info({ req, res: { statusCode: status }, responseTime }, 'request completed')
  }
}
