/** Weak passwords are refused, and a password is the same in every normal form of Unicode. */
import { readFile } from 'node:fs/promises'
import { hash } from '@node-rs/argon2'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { SERVICE_NAME } from '../../../src/config/service-name.ts'
import { ARGON2ID } from '../../../src/modules/accounts/passwords.ts'
import { createFindWeakness } from '../../../src/modules/accounts/weak-passwords.ts'
import { createTestApp, PASSWORD, type TestApp } from '../../helpers/app.ts'

const LIST = new URL('../../../src/modules/accounts/common-passwords.txt', import.meta.url)
const owner = { email: "Miles.O'Brien@example.com", displayName: 'Keiko Ishikawa' }
const findWeakness = createFindWeakness()
const isWeak = (password: string) => findWeakness(password, owner) !== undefined
/** Spellings that do not make a password harder to guess. */
const respell = (password: string) => [password, password.toUpperCase(), password.normalize('NFD')]

describe('the list of common passwords', async () => {
  const text = await readFile(LIST, 'utf8')
  const passwords = text
    .slice(text.indexOf('\n\n') + 2)
    .trimEnd()
    .split('\n')

  it('has tens of thousands, each once, of a valid length and in the form that is compared', () => {
    expect(passwords.length).toBeGreaterThan(50_000)
    expect(new Set(passwords).size).toBe(passwords.length)
    const others = passwords.filter(
      password => [...password].length < 8 || password !== password.normalize('NFKC').toLowerCase(),
    )
    expect(others).toEqual([])
  })

  it('is refused as a whole, in any case', () => {
    expect(passwords.filter(password => !isWeak(password))).toEqual([])
    expect(passwords.filter(password => !isWeak(password.toUpperCase()))).toEqual([])
    expect(isWeak('ｐａｓｓｗｏｒｄ１')).toBe(true)
  })
})

describe('a password that is easy to guess', () => {
  it('repeats up to four characters', () => {
    const unit = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }).filter(text => {
      const { length } = Array.from(text.normalize('NFKC').toLowerCase())
      return length >= 1 && length <= 4
    })
    fc.assert(
      fc.property(unit, fc.integer({ min: 8, max: 40 }), (text, length) => {
        const characters = Array.from(text.repeat(length)).slice(0, length)
        return isWeak(characters.join('').normalize('NFKC')) || text.normalize('NFKC') !== text
      }),
      { numRuns: 500, seed: 2 },
    )
    for (const text of ['aaaaaaaa', '😀'.repeat(20), '        ', '12121212', 'abcabcab', 'xyz1xyz1xy'])
      expect(isWeak(text), text).toBe(true)
  })

  it('is a sequence of characters, or of keys, in either direction', () => {
    const alphabet = fc.constantFrom(
      '01234567890123456789',
      'abcdefghijklmnopqrstuvwxyzabcdefg',
      'абвгдежзийклмнопр',
    )
    fc.assert(
      fc.property(
        alphabet,
        fc.nat(),
        fc.integer({ min: 8, max: 16 }),
        fc.boolean(),
        (all, at, length, isUp) => {
          const start = at % (all.length - length + 1)
          const run = [...all.slice(start, start + length)]
          return respell((isUp ? run : run.reverse()).join('')).every(isWeak)
        },
      ),
      { numRuns: 500, seed: 2 },
    )
    for (const text of [
      '987654321',
      'abcdefgh',
      'hgfedcba',
      '1234567890',
      'qwertyuiop',
      'poiuytrewq',
      'asdfghjkl;',
    ])
      for (const spelling of respell(text)) expect(isWeak(spelling), spelling).toBe(true)
    for (const text of ['qwertzuiop', 'azertyuiop', 'lkjhgfdsa', 'zxcvbnm,./', '!@#$%^&*()'])
      expect(isWeak(text), text).toBe(true)
  })

  it('is the address of its owner, the part before the @, the name, or the name of the service', () => {
    for (const text of [
      "miles.o'brien@example.com",
      'milesobrien@example.com',
      "Miles.O'Brien",
      'milesobrien',
      'miles_obrien!',
      'keiko ishikawa',
      'KeikoIshikawa',
      SERVICE_NAME,
      `${SERVICE_NAME.toUpperCase()}!`,
    ]) {
      for (const spelling of respell(text)) expect(isWeak(spelling), spelling).toBe(true)
    }
  })

  it('is a common one with spaces, signs or invisible characters, or a name with digits', () => {
    for (const text of [
      'password ',
      ' password',
      'pass word',
      'pass-word',
      'Passw0rd!',
      '12345678\u3000',
      'PASSWORD\u200b',
      'pa\u00adssword',
      '\u2060iloveyou\ufe0f',
      `${SERVICE_NAME}123`,
      `${SERVICE_NAME}2026!`,
      '1KeikoIshikawa1',
      'milesobrien1815',
    ]) {
      for (const spelling of respell(text)) expect(isWeak(spelling), spelling).toBe(true)
    }
  })

  it('is not a passphrase, random text or a name with other words', () => {
    for (const text of [
      PASSWORD,
      'miles and keiko',
      `${SERVICE_NAME}s are vertical`,
      'аbcdefgz',
      'abcdefgi',
      'qwertyuo1',
      '😀😃😄😁😆😅😂🤣',
      '!!!! !!!? ????',
    ]) {
      expect(findWeakness(text, owner), text).toBeUndefined()
    }
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9]{16,40}$/), text => !isWeak(text)),
      { numRuns: 1000, seed: 2 },
    )
  })

  it('does not depend on a name that has no letters', () => {
    expect(findWeakness('!?!? !!.. ??,,', { email: '!@example.com', displayName: '§' })).toBeUndefined()
  })
})

describe('the service', () => {
  let service: TestApp
  beforeAll(async () => {
    service = await createTestApp()
  })
  afterAll(() => service.close())

  const register = (body: object) =>
    service.call('POST', '/api/v1/auth/register', { body: { displayName: 'Ada Lovelace', ...body } })

  it('gives the reason of a refusal, at registration and at a change', async () => {
    const user = await service.signUp({ email: 'ada.lovelace.1815@example.com' })
    for (const [password, reason] of [
      ['987654321', 'most common'],
      ['x7x7x7x7', 'repeats'],
      ['ada.lovelace.1815@example.com', 'e-mail address'],
      ['ADALOVELACE1815', 'e-mail address'],
      ['ada lovelace', 'name of its owner'],
      [SERVICE_NAME.toUpperCase(), 'name of this service'],
    ] as const) {
      const registered = await register({ email: user.email, password })
      const changed = await service.call('PUT', '/api/v1/auth/password', {
        token: user.accessToken,
        body: { currentPassword: PASSWORD, newPassword: password },
      })
      for (const response of [registered, changed]) {
        expect([response.statusCode, response.json().code], password).toEqual([400, 'WEAK_PASSWORD'])
        expect(response.json().detail).toMatch(new RegExp(reason))
        expect(response.body).not.toContain(`"${password}"`)
      }
    }
  })

  it('accepts a password in each normal form, at login, registration and change', async () => {
    const composed = 'ångström Ⅷ ﬁre café'
    const forms = ['NFC', 'NFD', 'NFKC', 'NFKD'].map(form => composed.normalize(form))
    for (const [i, form] of forms.entries()) {
      const { email, accessToken } = await service.signUp({ password: form })
      for (const other of forms) await service.logIn(email, other)
      const next = `another ${forms[(i + 1) % forms.length]}`
      const changed = await service.call('PUT', '/api/v1/auth/password', {
        token: accessToken,
        body: { currentPassword: forms[(i + 2) % forms.length], newPassword: next },
      })
      expect(changed.statusCode).toBe(204)
      for (const other of forms) await service.logIn(email, `another ${other}`)
    }
  })

  it('counts the characters of the normal form', async () => {
    const statusOf = async (password: string) =>
      (await register({ email: `${crypto.randomUUID()}@example.com`, password })).statusCode
    const syllables =
      '가각간갇갈감갑갓강개객갠갤갬갭갯갱갸갹갼거걱건걷걸검겁것겅게겍겐겔겜겝겟겡겨격견결겸겹겻경계'
    const long = Array.from({ length: 128 }, (_, i) => syllables[(i * 7) % syllables.length]).join('')
    expect(await statusOf(long.normalize('NFD'))).toBe(201)
    expect(await statusOf(`${long}가`)).toBe(400)
    // 7 characters, or 11 if each mark is counted.
    expect(await statusOf('äbçdéfg'.normalize('NFD'))).toBe(400)
    expect(await statusOf('ﬃxﬄyz')).toBe(201)
  })

  it('does not normalize text that is too long for a password: the time grows with its square', async () => {
    const normalize = vi.spyOn(String.prototype, 'normalize')
    const marks = `a${'\u0300\u0316\u0334'.repeat(10_000)}`
    const requests = ['password', 'currentPassword', 'newPassword'].map(async name => {
      const response = await register({ email: 'ada@example.com', password: PASSWORD, [name]: marks })
      expect(response.statusCode, name).toBe(400)
    })
    await Promise.all(requests)
    const lengths = normalize.mock.contexts.map(text => String(text).length)
    normalize.mockRestore()
    expect(lengths.length).toBeGreaterThan(0)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(1024)
  })

  it('accepts the longest password in its longest form', async () => {
    const letters = Array.from('ᾂᾃᾄᾅᾆᾇᾒᾓᾔᾕᾖᾗ')
    const longest = Array.from({ length: 128 }, (_, i) => letters[(i * 7 + (i >> 4)) % letters.length]).join(
      '',
    )
    expect(longest.normalize('NFD')).toHaveLength(512)
    const { email } = await service.signUp({ password: longest.normalize('NFD') })
    await service.logIn(email, longest)
  })

  it('still accepts a password that was hashed before passwords were normalized', async () => {
    const typed = 'ångström Ⅷ ﬁre'.normalize('NFD')
    const { id, email } = await service.signUp()
    const former = await hash(typed, ARGON2ID)
    await service.database.query('update users set password_hash = $2 where id = $1', [id, former])
    const { accessToken } = await service.logIn(email, typed)
    await expect(service.logIn(email, `${typed}x`)).rejects.toThrow('401')
    const changed = await service.call('PUT', '/api/v1/auth/password', {
      token: accessToken,
      body: { currentPassword: typed, newPassword: typed },
    })
    expect(changed.statusCode).toBe(204)
    await service.logIn(email, typed.normalize('NFC'))
  })
})
