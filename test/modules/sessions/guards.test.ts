/** A guard is enforced exactly where the OpenAPI document shows it; otherwise the app does not start. */
import type { FastifyInstance } from 'fastify'
import { expect, it, onTestFinished } from 'vitest'
import { buildApp } from '../../../src/app.ts'
import { testConfig } from '../../helpers/config.ts'

/** Returns an app whose guards can be used in scopes of the test. Nothing connects to its database. */
async function build(): Promise<FastifyInstance> {
  const app = await buildApp(testConfig('postgres://127.0.0.1:1/none'), { write: () => {} })
  onTestFinished(() => app.close())
  return app
}

const handler = async () => ({})

it('a guard after a route of its scope is refused', async () => {
  const app = await build()
  const scoped = app.register(async function late(scope) {
    scope.get('/late', handler)
    app.guard(scope, { requires: 'user' })
  })
  await expect(scoped).rejects.toThrow('a guard must come before the routes of its scope')
})

it.each(['user', 'owner', 'admin'] as const)(
  'a route cannot claim the guard "%s" by its config',
  async requires => {
    const app = await build()
    const scoped = app.register(async function claiming(scope) {
      scope.get('/claim', { config: { guard: { requires } } }, handler)
    })
    await expect(scoped).rejects.toThrow('/claim describes a guard in its own config')
  },
)

it('a second guard around a route is refused', async () => {
  const app = await build()
  const scoped = app.register(async function outer(scope) {
    app.guard(scope, { requires: 'admin' })
    await scope.register(async function inner(nested: FastifyInstance) {
      app.guard(nested, { requires: 'user' })
      nested.get('/nested', handler)
    })
  })
  await expect(scoped).rejects.toThrow('/nested has two guards')
})

it('P9: a guard covers the routes of inner scopes, and HEAD', async () => {
  const app = await build()
  await app.register(async function outer(scope) {
    app.guard(scope, { requires: 'admin' })
    await scope.register(async function inner(nested: FastifyInstance) {
      nested.get('/inner', { schema: { summary: 'Inner' } }, handler)
    })
  })
  for (const method of ['GET', 'HEAD'] as const)
    expect((await app.inject({ method, url: '/inner' })).statusCode, method).toBe(401)
  expect(app.swagger().paths?.['/inner']?.get).toMatchObject({ 'x-guard': { requires: 'admin' } })
})
