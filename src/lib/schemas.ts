/** The schemas that several modules share: ids, instants, pages, passwords, names and other text. */
import { type Static, type TProperties, type TSchema, Type } from '@sinclair/typebox'

/** Returns the schema of an object that refuses unknown keys: no mass assignment (OWASP API3:2023). */
export const Strict = <T extends TProperties>(properties: T, options = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options })

/** A UUID in the 8-4-4-4-12 form. ajv's `uuid` format also accepts `urn:uuid:…`, which PostgreSQL refuses (22P02). */
export const Uuid = Type.String({
  pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$',
  description: 'A UUID: 32 hex digits in groups of 8, 4, 4, 4 and 12',
  examples: ['0197a1b2-9d3c-4e4f-8a5b-6c7d8e9f0a1b'],
})

const UUID = new RegExp(Uuid.pattern as string)

/** Returns whether a text is a UUID in the form of the schema. */
export const isUuid = (text: string): boolean => UUID.test(text)

/** Returns the schema of a text that PostgreSQL can store: without U+0000 and lone surrogates. */
export const Text = (
  minLength: number,
  maxLength: number,
  options: { description: string; examples: string[] },
) => Type.String({ minLength, maxLength, pattern: '^[^\\u0000\\p{Cs}]*$', ...options })

/** An instant in a response: UTC with milliseconds, in the form of `Date.prototype.toISOString`. Handlers return a Date. */
export const Instant = Type.Unsafe<Date>({
  type: 'string',
  format: 'date-time',
  examples: ['2026-01-31T12:00:00.000Z'],
})

/** An instant in a request, in the same form as in a response. */
export const InstantText = Type.String({
  format: 'date-time',
  pattern: '^(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]\\.[0-9]{3}Z$',
  description: 'An instant in UTC with milliseconds, such as 2026-01-31T12:00:00.000Z',
  examples: ['2026-01-31T12:00:00.000Z'],
})

export const InstantOrNull = Type.Unsafe<Date | null>({
  type: ['string', 'null'],
  format: 'date-time',
  examples: [null],
})

/** One label of a domain name: at most 63 characters (RFC 1034 §3.5). */
const LABEL = '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?'

/**
 * An e-mail address as browsers accept it in `<input type=email>` (WHATWG HTML §4.10.5.1.5), with the lengths of
 * RFC 5321: 64 characters before the @, 254 in all. Only ASCII is allowed, because addresses are compared without regard
 * to case, and implementations differ in the case of other letters.
 */
export const Email = Type.String({
  maxLength: 254,
  pattern: `^[A-Za-z0-9.!#$%&'*+/=?^_\`{|}~-]{1,64}@${LABEL}(\\.${LABEL})*$`,
  description: 'An ASCII e-mail address with at most 64 characters before the @',
  examples: ['ada@example.com'],
})

/** A letter, number, punctuation mark or symbol that is visible. */
const VISIBLE =
  '(?![\\p{Default_Ignorable_Code_Point}\\u2800\\u{13441}\\u{13442}\\u{1D159}])[\\p{L}\\p{N}\\p{P}\\p{S}]'

/**
 * A name for display, with at least one visible character. It must not contain:
 * - control characters and line ends, which could forge a line in another system's log;
 * - lone surrogates, which UTF-8 cannot encode;
 * - characters that change the direction of the text around them (UTR 36 §2.9).
 * Joiners are allowed: emoji and Persian need them. The pattern runs in linear time.
 */
export const DisplayName = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: `^(?=[\\s\\S]*?${VISIBLE})[^\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Bidi_Control}\\u206A-\\u206F\\uFEFF\\uFFF9-\\uFFFB]*$`,
  description:
    'A name with a visible character, and without control characters, line ends and direction controls',
  examples: ['Ada Lovelace'],
})

export const PASSWORD_MIN = 8
export const PASSWORD_MAX = 128

const password = (minLength: number) =>
  Type.String({
    minLength,
    maxLength: PASSWORD_MAX,
    pattern: '^[^\\u0000\\p{Cs}]*$',
    description: 'Text without U+0000 and lone surrogates',
    examples: ['correct horse battery staple'],
  })

/** A new password: any Unicode text (NIST SP 800-63B §3.1.1.2). U+0000 and lone surrogates would be hashed as other text. */
export const NewPassword = password(PASSWORD_MIN)

/** A password to verify. One that is too short or too common gets the same response as any wrong password. */
export const Password = password(1)

export const IdParams = Strict({ id: Uuid })

/** A cursor. The longest one that the service creates has about 410 characters: of a 254-character e-mail address. */
export const Cursor = Type.String({
  minLength: 1,
  maxLength: 600,
  pattern: '^[A-Za-z0-9_-]+$',
  description: 'A `nextCursor` of the same list',
})

export const PageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
  cursor: Type.Optional(Cursor),
}

/** Returns the schema of a page of a list. `nextCursor` is null on the last page. */
export const PageOf = <T extends TSchema>(item: T) =>
  Strict({ items: Type.Array(item), nextCursor: Type.Union([Cursor, Type.Null()], { examples: [null] }) })

export type Page<T> = { items: T[]; nextCursor: string | null }
export type IdParams = Static<typeof IdParams>
