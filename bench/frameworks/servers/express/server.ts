/** Express 5 with helmet, express-rate-limit, jsonwebtoken, zod, pino-http and prom-client. */
import { createRequire } from 'node:module'
import type Express from 'express'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { rateLimit } from 'express-rate-limit'
import helmet from 'helmet'
import jwt from 'jsonwebtoken'
import { pinoHttp } from 'pino-http'
import { z } from 'zod'
import { readConfig } from '../shared/config.ts'
import { accessLogOptions } from '../shared/log.ts'
import { createLogin, tokenReply } from '../shared/login.ts'
import { createMetrics } from '../shared/metrics.ts'
import { type Caller, createDatabase, createUsers } from '../shared/users.ts'

// As compiled TypeScript would load it: OpenTelemetry sees an import only through a loader hook, which takes 200 MB.
const express: typeof Express = createRequire(import.meta.url)('express')

const config = readConfig()
const users = createUsers(createDatabase(config.databaseUrl))
const login = createLogin(users)
const { registry, durations } = createMetrics()

const Params = z.object({ id: z.uuid() })
const Credentials = z.strictObject({ email: z.email().max(254), password: z.string().min(1).max(128) })

const app = express()
app.disable('x-powered-by')
// None of the others computes one.
app.disable('etag')
app.use(observeDuration())
app.use(pinoHttp(accessLogOptions()))
app.use(helmet())
app.get('/health', (_request, response) => {
  response.json({ status: 'ok' })
})
app.get('/metrics', async (_request, response) => {
  response.type(registry.contentType).send(await registry.metrics())
})
app.use(
  rateLimit({
    windowMs: config.rateLimit.windowMs,
    limit: config.rateLimit.max,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
  }),
)

const api = express.Router()
// Only the route that has a body parses one.
api.post('/auth/login', express.json(), async (request, response) => {
  const credentials = Credentials.safeParse(request.body)
  if (!credentials.success) return void response.status(400).json({ error: 'Bad Request' })
  const client = { ip: request.ip ?? '', userAgent: request.get('user-agent') ?? '' }
  const opened = await login(credentials.data, client)
  if (!opened) return void response.status(401).json({ error: 'Unauthorized' })
  const { privateKey, issuer, audience, lifetimeSeconds } = config.jwt
  const accessToken = jwt.sign(opened.claims, privateKey, {
    algorithm: 'RS256',
    issuer,
    audience,
    expiresIn: lifetimeSeconds,
  })
  response.json(tokenReply(accessToken, opened.refreshToken, config))
})

api.get('/users/:id', authenticate(), async (request, response) => {
  const params = Params.safeParse(request.params)
  if (!params.success) return void response.status(400).json({ error: 'Bad Request' })
  const user = await users.view(params.data.id, response.locals.caller as Caller)
  if (!user) return void response.status(404).json({ error: 'Not Found' })
  response.json(user)
})
app.use('/api/v1', api)
app.use(sendError())
app.listen(config.port, config.host)

/** The key as an object, not as PEM: jsonwebtoken would parse it for each token, at twice the cost. */
function authenticate(): RequestHandler {
  const { publicKey, issuer, audience } = config.jwt
  return (request, response, next) => {
    const [scheme, token = ''] = request.headers.authorization?.split(' ') ?? []
    try {
      if (scheme !== 'Bearer') throw new jwt.JsonWebTokenError('no bearer token')
      response.locals.caller = jwt.verify(token, publicKey, { algorithms: ['RS256'], issuer, audience })
    } catch {
      return void response.status(401).json({ error: 'Unauthorized' })
    }
    next()
  }
}

function observeDuration(): RequestHandler {
  return (request, response, next) => {
    const end = durations.startTimer()
    response.on('finish', () => {
      const route = request.route ? `${request.baseUrl}${request.route.path}` : 'unmatched'
      end({ method: request.method, route, status: response.statusCode })
    })
    next()
  }
}

/** What the body parser refuses has a status of its own; anything else is our fault. */
function sendError(): ErrorRequestHandler {
  return (error, request, response, _next) => {
    const status = Number(error.status ?? 500)
    if (status >= 500) request.log.error(error)
    response.status(status).json({ error: status >= 500 ? 'Internal Server Error' : 'Bad Request' })
  }
}
