/** `npm run user:admin` makes a user an admin, also one who is signed in to a running service. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { assignRole } from '../../src/modules/users/service.ts'
import { createTestApp, PASSWORD, type TestApp } from '../helpers/app.ts'
import { runCommand } from '../helpers/command.ts'
import { auditOf, claimsOf } from '../helpers/tokens.ts'
import { expectRefusedEverywhere } from '../helpers/two-instances.ts'

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

it('prints one line about what is missing', async () => {
  for (const [args, text] of [
    [[], 'Usage: npm run user:admin -- <email> [--enable]'],
    [['a@example.com', 'b@example.com'], 'Usage: npm run user:admin -- <email> [--enable]'],
    [['unknown@example.com'], 'No account has the address unknown@example.com'],
  ] as const) {
    const { code, stdout, stderr } = await run(...args)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(text)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  }
})

it('does not change a disabled account, and enables it with its option', async () => {
  const user = await service.signUp()
  await service.database.query('update users set disabled_at = now() where id = $1', [user.id])
  const refused = await run(user.email)
  expect([refused.code, refused.stdout]).toEqual([1, ''])
  expect(refused.stderr).toContain(`${user.email} is disabled. Add --enable`)
  const body = { email: user.email, password: PASSWORD }
  expect((await service.call('POST', '/api/v1/auth/login', { body })).statusCode).toBe(401)

  expect((await run(user.email, '--enable')).code).toBe(0)
  const { accessToken } = await service.logIn(user.email)
  expect(claimsOf(accessToken).role).toBe('admin')
  const types = (await auditOf(service.database, user.id)).map(({ type }) => type)
  expect(types).toEqual(expect.arrayContaining(['user.enabled', 'user.role_changed']))

  // Also where the account has the role already.
  const assign = (enable: boolean) => assignRole(service.app.database, user.email, 'admin', { enable })
  await service.database.query('update users set disabled_at = now() where id = $1', [user.id])
  expect([await assign(false), await assign(true), await assign(true)]).toEqual([
    'disabled',
    'changed',
    'unchanged',
  ])
  expect((await service.logIn(user.email)).accessToken).toBeDefined()
})
