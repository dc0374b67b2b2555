/** A session from registration to logout, as a client lives through it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../helpers/app.ts'

let service: TestApp

beforeAll(async () => {
  service = await createTestApp()
})
afterAll(() => service.close())

describe('a session', () => {
  it('ends at logout, with its access token', async () => {
    const { accessToken } = await service.signUp()
    expect((await service.call('GET', '/api/v1/users/me', { token: accessToken })).statusCode).toBe(200)

    expect((await service.call('POST', '/api/v1/auth/logout', { token: accessToken })).statusCode).toBe(204)

    expect((await service.call('GET', '/api/v1/users/me', { token: accessToken })).statusCode).toBe(401)
  })
})
