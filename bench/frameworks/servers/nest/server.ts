/** NestJS 11 on Fastify with helmet, throttler, @nestjs/jwt, class-validator, nestjs-pino and prom-client. */
import 'reflect-metadata'
import helmet from '@fastify/helmet'
import { Module, ValidationPipe } from '@nestjs/common'
import { APP_GUARD, NestFactory } from '@nestjs/core'
import { JwtModule } from '@nestjs/jwt'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler'
import { Logger, LoggerModule } from 'nestjs-pino'
import { accessLogOptions } from '../shared/log.ts'
import { createMetrics } from '../shared/metrics.ts'
import { AuthController, config, JwtGuard, UsersController, UsersService } from './api.ts'
import { decorateClass } from './decorate.ts'
import { FixedWindowStorage } from './throttler-storage.ts'

const { registry, durations } = createMetrics()
const { privateKey, publicKey, issuer, audience, lifetimeSeconds: expiresIn } = config.jwt

class AppModule {}
decorateClass(AppModule, [
  Module({
    imports: [
      LoggerModule.forRoot({ pinoHttp: accessLogOptions() }),
      ThrottlerModule.forRoot({
        throttlers: [{ ttl: config.rateLimit.windowMs, limit: config.rateLimit.max }],
        storage: new FixedWindowStorage(),
      }),
      JwtModule.register({
        privateKey,
        publicKey,
        signOptions: { algorithm: 'RS256', issuer, audience, expiresIn },
        verifyOptions: { algorithms: ['RS256'], issuer, audience },
      }),
    ],
    controllers: [AuthController, UsersController],
    providers: [UsersService, JwtGuard, { provide: APP_GUARD, useClass: ThrottlerGuard }],
  }),
])

const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), {
  bufferLogs: true,
})
app.useLogger(app.get(Logger))
app.setGlobalPrefix('api/v1')
app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true }))
await app.register(helmet)

// Hooks and routes of the adapter: an interceptor would not see what a guard refuses, and cost more.
const fastify = app.getHttpAdapter().getInstance()
fastify.addHook('onResponse', async (request, reply) => {
  const route = request.routeOptions.url ?? 'unmatched'
  durations.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000)
})
fastify.get('/health', async () => ({ status: 'ok' }))
fastify.get('/metrics', async (_request, reply) =>
  reply.type(registry.contentType).send(await registry.metrics()),
)
await app.listen(config.port, config.host)
