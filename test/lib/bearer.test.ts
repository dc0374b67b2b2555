/** The Authorization header: the grammar of the scheme, and the one accepted spelling of a token (RFC 6750 §2.1, P6). */
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readBearerToken } from '../../src/lib/bearer.ts'
import { createTestApp, type TestApp } from '../helpers/app.ts'
import { exchange } from '../helpers/raw-http.ts'

let service: TestApp
let token: string
let stranger: string

beforeAll(async () => {
  service = await createTestApp()
  await service.app.listen({ port: 0, host: '127.0.0.1' })
  token = (await service.signUp()).accessToken
  stranger = (await service.signUp()).accessToken
})
afterAll(() => service.close())

const statusOf = async (authorization: string) =>
  (await service.call('GET', '/api/v1/users/me', { headers: { authorization } })).statusCode

/** The token with its last part in all spellings that decode to the same bytes. */
function spellings(text: string): string[] {
  const start = text.lastIndexOf('.') + 1
  const bytes = Buffer.from(text.slice(start), 'base64url')
  return [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
    .map(last => text.slice(0, -1) + last)
    .filter(other => Buffer.from(other.slice(start), 'base64url').equals(bytes))
}

it('P6: 15 of the 16 spellings of a signature are refused, before and after the token was accepted', async () => {
  const all = spellings(token)
  expect(all).toHaveLength(16)
  for (let round = 0; round < 2; round += 1) {
    const accepted: string[] = []
    for (const other of all) if ((await statusOf(`Bearer ${other}`)) === 200) accepted.push(other)
    expect(accepted).toEqual([token])
  }
})

it('P6: a part of any length has one spelling', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(bytes, last => {
      const text = `AA.AA.${Buffer.from(last).toString('base64url')}`
      const read = spellings(text).filter(other => readBearerToken(`Bearer ${other}`) === other)
      expect(read).toEqual([text])
    }),
  )
  // No sequence of bytes has four characters and one more.
  expect(readBearerToken('Bearer AA.AA.AAAAA')).toBeUndefined()
})

it('P6: is accepted as the scheme in any case, spaces and the token; all else is refused', async () => {
  const space = fc.stringMatching(/^[ \t,;"'=\u00a0]{0,3}$/)
  const scheme = fc.oneof(
    fc.mixedCase(fc.constant('bearer')),
    fc.constantFrom(
      'Basic',
      'Bearer:',
      'Bearer=',
      'xBearer',
      'Bear er',
      'Bearer Bearer',
      'Bearer junk',
      'token',
      '',
    ),
  )
  const wrapped = fc
    .constantFrom(
      'T',
      '"T"',
      "'T'",
      '<T>',
      'T=',
      'T==',
      'T.',
      '.T',
      'T,',
      'T x',
      'x T',
      'token=T',
      'T,T',
      'T T',
      'T%20',
      'T~',
    )
    .map(shape => shape.replaceAll('T', token))
  const allowed = new RegExp(`^bearer +${token.replaceAll('.', '\\.')}$`, 'i')
  await fc.assert(
    fc.asyncProperty(scheme, space, wrapped, space, async (name, before, given, after) => {
      const header = `${name}${before}${given}${after}`
      const isAllowed = header.slice(-token.length) === token && allowed.test(header)
      expect(await statusOf(header)).toBe(isAllowed ? 200 : 401)
    }),
    {
      numRuns: 300,
      examples: [
        ['bearer', ' ', token, ''],
        ['Bearer', '\t', `junk ${token}`, ''],
        ['BEARER', '   ', token, ''],
      ],
    },
  )
})

it('P6: a header of more than 4 KiB is refused before it is read', async () => {
  expect(await statusOf(`Bearer${' '.repeat(5000)}${token}`)).toBe(401)
  expect(await statusOf(`Bearer ${token}${'A'.repeat(5000)}`)).toBe(401)
})

it('P6: two headers are refused, in any order, also where both are the same', async () => {
  const { port } = service.app.server.address() as AddressInfo
  const ask = async (...values: string[]) => {
    const lines = values.map(value => `Authorization: ${value}\r\n`).join('')
    const [response] = await exchange(port, [
      `GET /api/v1/users/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${lines}\r\n`,
    ])
    return response?.status
  }
  const [own, other] = [`Bearer ${token}`, `Bearer ${stranger}`]
  expect(await ask(own)).toBe(200)
  for (const values of [
    [own, other],
    [other, own],
    [own, own],
    ['Basic eA==', own],
    [own, ''],
    ['', own],
  ]) {
    expect(await ask(...values), values.join(' | ')).toBe(401)
  }
})
