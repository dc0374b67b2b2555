/** E-mail addresses are valid as in browsers, and display names need a visible character. */
import { Ajv } from 'ajv'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DisplayName, Email } from '../../../src/lib/schemas.ts'
import { createTestApp, PASSWORD, type TestApp } from '../../helpers/app.ts'

const ajv = new Ajv()
const isEmail = ajv.compile(Email)
const isName = ajv.compile(DisplayName)

/** Copied from the HTML standard, "valid e-mail address". */
const WHATWG =
  /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/

const isShortEnough = (address: string) => address.length <= 254 && address.indexOf('@') <= 64

describe('an e-mail address', () => {
  it('is accepted where browsers accept it, up to the lengths of RFC 5321', () => {
    fc.assert(
      fc.property(fc.stringMatching(WHATWG), address => isEmail(address) === isShortEnough(address)),
      { numRuns: 5000, seed: 1 },
    )
    const local = 'a'.repeat(64)
    const domain = `${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`
    for (const address of [
      "miles.o'brien@example.com",
      'user@xn--80ak6aa92e.xn--p1ai',
      'a`b@example.com',
      'ada@localhost',
      'ada@192.0.2.1',
      '.ada..@example.com',
      `${local}@${domain}`,
    ]) {
      expect(isEmail(address), address).toBe(true)
    }
    expect(`${local}@${domain}`).toHaveLength(254)
    expect(isEmail(`${local}a@example.com`)).toBe(false)
    expect(isEmail(`${local}@${domain}d`)).toBe(false)
  })

  it('is refused where browsers refuse it', () => {
    const spoilt = fc
      .tuple(
        fc.stringMatching(/^[a-z']{1,8}@[a-z]{1,8}\.[a-z]{2,5}$/),
        fc.nat(),
        fc.oneof(
          fc.constantFrom(
            '@',
            ' ',
            '\t',
            '\r\n',
            '\0',
            '\x7f',
            '(',
            ')',
            '<',
            '>',
            ',',
            ';',
            ':',
            '\\',
            '"',
            '[',
            ']',
          ),
          fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter(text => text > '~'),
        ),
      )
      .map(([address, at, text]) => {
        const place = at % (address.length + 1)
        return address.slice(0, place) + text + address.slice(place)
      })
    fc.assert(
      fc.property(spoilt, address => !isEmail(address) && !WHATWG.test(address)),
      { numRuns: 5000, seed: 1 },
    )
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        text => isEmail(text) === (WHATWG.test(text) && isShortEnough(text)),
      ),
      { numRuns: 2000, seed: 1 },
    )
    for (const text of [
      '',
      '@',
      'a@',
      '@b',
      'a@b.',
      'a@.b',
      'a@-b.c',
      'a@b-.c',
      'a@b..c',
      `a@${'b'.repeat(64)}.c`,
    ])
      expect(isEmail(text), text).toBe(false)
  })
})

const visible = fc.constantFrom('a', 'Ж', '山', 'ع', '9', '-', '€', '👩', '_')
/** Characters that are invisible, or visible only on another character. */
const invisible = fc.constantFrom(
  ...Array.from(
    ' \u00a0\u2003\u3000\u200b\u200c\u200d\u2060\u00ad\u034f\u180e\u0301' +
      '\u0591\u064b\ufe0f\u{e0100}\u115f\u1160\u3164\uffa0\u2800\u17b4\u{1d173}\u{e0041}\u{e007f}\u0378',
  ),
)
const forbidden = fc.oneof(
  fc.constantFrom(
    ...Array.from(
      '\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066' +
        '\u2067\u2068\u2069\u206a\u206f\u2028\u2029\ufeff\ufff9',
    ),
  ),
  fc.integer({ min: 0, max: 0x1f }).map(code => String.fromCharCode(code)),
  fc.integer({ min: 0x7f, max: 0x9f }).map(code => String.fromCharCode(code)),
  fc.integer({ min: 0xd800, max: 0xdfff }).map(code => `${String.fromCharCode(code)} `),
)
const part = fc.oneof(visible, invisible)
const parts = fc.array(part, { maxLength: 10 })

describe('a display name', () => {
  it('needs a visible character at any position', () => {
    fc.assert(
      fc.property(fc.array(invisible, { maxLength: 20 }), texts => !isName(texts.join(''))),
      { numRuns: 1000, seed: 1 },
    )
    fc.assert(
      fc.property(parts, visible, parts, (before, one, after) => isName([...before, one, ...after].join(''))),
      { numRuns: 1000, seed: 1 },
    )
  })

  it('has no control character, no line end and no change of text direction', () => {
    fc.assert(
      fc.property(parts, visible, forbidden, parts, (before, one, bad, after) => {
        return (
          !isName([...before, one, bad, ...after].join('')) &&
          !isName([...before, bad, one, ...after].join(''))
        )
      }),
      { numRuns: 2000, seed: 1 },
    )
  })

  it.each([
    ['a family of emoji', '👩‍👩‍👧'],
    ['the flag of Wales', '🏴󠁧󠁢󠁷󠁬󠁳󠁿'],
    ['a keycap', '1️⃣'],
    ['Persian with a non-joiner', 'می‌خواهم'],
    ['Sinhala with a joiner', 'ශ්‍රී'],
    ['Hebrew and Latin', 'עדה Lovelace'],
    ['marks over letters', 'A\u0301da'],
    ['an apostrophe and a hyphen', "Jean-Luc O'Brien"],
  ])('may be %s', (_what, name) => {
    expect(isName(name)).toBe(true)
  })
})

describe('the service', () => {
  let service: TestApp
  beforeAll(async () => {
    service = await createTestApp()
  })
  afterAll(() => service.close())

  it.each(["miles.o'brien@example.com", 'user@xn--80ak6aa92e.xn--p1ai', 'a`b|c@localhost'])(
    'registers %s, logs it in and shows it',
    async email => {
      const { accessToken } = await service.signUp({ email })
      const profile = await service.call('GET', '/api/v1/users/me', { token: accessToken })
      expect(profile.json().email).toBe(email)
      await service.logIn(email.toUpperCase())
    },
  )

  it('refuses invisible names and changes of text direction, at registration and later', async () => {
    const user = await service.signUp()
    for (const displayName of ['\u200b', ' \u0301', '\u202eAda', 'Ada\u2069']) {
      const registered = await service.call('POST', '/api/v1/auth/register', {
        body: { email: `${crypto.randomUUID()}@example.com`, password: PASSWORD, displayName },
      })
      const changed = await service.call('PUT', `/api/v1/users/${user.id}`, {
        token: user.accessToken,
        body: { displayName, email: user.email },
      })
      for (const { statusCode, body } of [registered, changed]) {
        expect(statusCode).toBe(400)
        expect(JSON.parse(body).errors).toMatchObject([{ path: '/body/displayName', keyword: 'pattern' }])
      }
    }
  })
})
