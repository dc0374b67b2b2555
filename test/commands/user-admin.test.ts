/** `npm run user:admin` makes an admin, also of somebody who is signed in to a running service. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../helpers/app.ts'
import { runCommand } from '../helpers/command.ts'
import { expectRefusedEverywhere } from '../helpers/pair.ts'
import { auditOf, claimsOf } from '../helpers/tokens.ts'

let service: TestApp

beforeAll(async () => {
  service = await createTestApp()
})
afterAll(() => service.close())

const run = (...args: string[]) =>
  runCommand('user-admin', args, { NODE_ENV: 'production', DATABASE_URL: service.database.url })

it('gives the role, ends the sessions that name the old one, and records both', async () => {
  const user = await service.signUp()
  expect(claimsOf(user.accessToken).role).toBe('user')

  const outcome = await run(user.email.toUpperCase())

  expect([outcome.code, outcome.stderr]).toEqual([0, ''])
  expect(outcome.stdout).toContain('is an admin from the next login on')
  await expectRefusedEverywhere([service], user.accessToken, Date.now())
  expect((await service.refresh(user.refreshToken)).statusCode).toBe(401)
  const { accessToken } = await service.logIn(user.email)
  expect(claimsOf(accessToken).role).toBe('admin')
  expect((await service.call('GET', '/api/v1/users', { token: accessToken })).statusCode).toBe(200)
  expect((await auditOf(service.database, user.id)).slice(-3, -1)).toMatchObject([
    { type: 'user.role_changed', actor_id: null, detail: { role: 'admin' } },
    { type: 'session.revoked', actor_id: null, detail: { reason: 'role changed' } },
  ])

  const again = await run(user.email)
  expect([again.code, again.stdout]).toEqual([1, ''])
  expect(again.stderr).toContain('an admin already')
  expect((await service.call('GET', '/api/v1/users', { token: accessToken })).statusCode).toBe(200)
})

it('says in one line what is missing', async () => {
  for (const [args, text] of [
    [[], 'Usage: npm run user:admin -- <email>'],
    [['nobody@example.com'], 'Nobody is registered as nobody@example.com'],
  ] as const) {
    const { code, stdout, stderr } = await run(...args)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(text)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  }
})
