/** Plain Fastify 5: the official plugins and TypeBox in their default set-up, and prom-client. */
import helmet from '@fastify/helmet'
import jwt from '@fastify/jwt'
import rateLimit from '@fastify/rate-limit'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { readConfig } from '../shared/config.ts'
import { type Claims, createLogin, tokenReply } from '../shared/login.ts'
import { createMetrics } from '../shared/metrics.ts'
import { createDatabase, createUsers } from '../shared/users.ts'

declare module '@fastify/jwt' {
  interface FastifyJWT {
    payload: Claims
    user: Claims
  }
}

// A pattern: ajv's format "uuid" lets through urn:uuid:…, which PostgreSQL does not take.
const Uuid = Type.String({ pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' })
const Params = Type.Object({ id: Uuid })
const Credentials = Type.Object(
  {
    email: Type.String({ format: 'email', maxLength: 254 }),
    password: Type.String({ minLength: 1, maxLength: 128 }),
  },
  { additionalProperties: false },
)
// The serializer takes a Date and writes ISO 8601.
const Instant = Type.Unsafe<Date>({ type: 'string', format: 'date-time' })
const UserReply = Type.Object({
  id: Type.String(),
  email: Type.Optional(Type.String()),
  displayName: Type.String(),
  role: Type.Optional(Type.String()),
  createdAt: Instant,
  updatedAt: Type.Optional(Instant),
})
const TokenReply = Type.Object({
  accessToken: Type.String(),
  refreshToken: Type.String(),
  tokenType: Type.String(),
  expiresIn: Type.Integer(),
})

const ErrorReply = Type.Object({ error: Type.String() })

const config = readConfig()
const users = createUsers(createDatabase(config.databaseUrl))
const login = createLogin(users)
const { registry, durations } = createMetrics()

const app = Fastify({ logger: true }).withTypeProvider<TypeBoxTypeProvider>()
app.addHook('onResponse', async (request, reply) => {
  const labels = {
    method: request.method,
    route: request.routeOptions.url ?? 'unmatched',
    status: reply.statusCode,
  }
  durations.observe(labels, reply.elapsedTime / 1000)
})
await app.register(helmet)
await app.register(rateLimit, { max: config.rateLimit.max, timeWindow: config.rateLimit.windowMs })
const { privateKey, publicKey, issuer, audience, lifetimeSeconds } = config.jwt
await app.register(jwt, {
  secret: {
    private: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    public: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  },
  sign: { algorithm: 'RS256', iss: issuer, aud: audience, expiresIn: lifetimeSeconds * 1000 },
  verify: { algorithms: ['RS256'], allowedIss: issuer, allowedAud: audience },
})

app.get('/health', { config: { rateLimit: false } }, async () => ({ status: 'ok' }))
app.get('/metrics', { config: { rateLimit: false } }, async (_request, reply) =>
  reply.type(registry.contentType).send(await registry.metrics()),
)

app.post(
  '/api/v1/auth/login',
  { schema: { body: Credentials, response: { 200: TokenReply, 401: ErrorReply } } },
  async (request, reply) => {
    const client = { ip: request.ip, userAgent: request.headers['user-agent'] ?? '' }
    const opened = await login(request.body, client)
    if (!opened) return reply.code(401).send({ error: 'Unauthorized' })
    const accessToken = await reply.jwtSign(opened.claims)
    return tokenReply(accessToken, opened.refreshToken, config)
  },
)

app.get(
  '/api/v1/users/:id',
  { onRequest: authenticate, schema: { params: Params, response: { 200: UserReply, 404: ErrorReply } } },
  async (request, reply) => {
    const user = await users.view(request.params.id, request.user)
    return user ?? reply.code(404).send({ error: 'Not Found' })
  },
)
await app.listen({ port: config.port, host: config.host })

/** Some forged tokens make the verifier fail otherwise than with a 401. */
async function authenticate(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  try {
    await request.jwtVerify()
  } catch {
    await reply.code(401).send({ error: 'Unauthorized' })
  }
}
