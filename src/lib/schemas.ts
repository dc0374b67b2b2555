/** The schemas that several modules share: identifiers, instants, page sizes and text that survives a round trip. */
import { type Static, type TProperties, type TSchema, Type } from '@sinclair/typebox'

/** An object that refuses keys it does not know: OWASP API3:2023, mass assignment. */
export const Strict = <T extends TProperties>(properties: T, options = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options })

/** The 8-4-4-4-12 form alone: ajv's own `uuid` format also takes `urn:uuid:…`, which PostgreSQL refuses (22P02). */
export const Uuid = Type.String({
  pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$',
  description: 'A UUID: 32 hex digits in groups of 8, 4, 4, 4 and 12',
  examples: ['0197a1b2-9d3c-4e4f-8a5b-6c7d8e9f0a1b'],
})

const UUID = new RegExp(Uuid.pattern as string)

/** Returns whether a text is a UUID of that form. */
export const isUuid = (text: string): boolean => UUID.test(text)

/** Text of so many characters, without what PostgreSQL cannot store: U+0000 and lone surrogates. */
export const Text = (
  minLength: number,
  maxLength: number,
  options: { description: string; examples: string[] },
) => Type.String({ minLength, maxLength, pattern: '^[^\\u0000\\p{Cs}]*$', ...options })

/** An instant in UTC, to the millisecond, as `Date.prototype.toISOString` writes it; the serializer takes a Date. */
export const Instant = Type.Unsafe<Date>({
  type: 'string',
  format: 'date-time',
  examples: ['2026-01-31T12:00:00.000Z'],
})

/** An instant in a request: the form in which the service writes them. */
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

/** A label of a domain: RFC 1034 §3.5 allows 63 characters. */
const LABEL = '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?'

/**
 * What browsers accept in `<input type=email>` (WHATWG HTML §4.10.5.1.5), with the lengths of RFC 5321: 64 characters
 * before the @, 254 in all. Addresses compare without regard to case, and ASCII is where every implementation agrees on
 * what that means.
 */
export const Email = Type.String({
  maxLength: 254,
  pattern: `^[A-Za-z0-9.!#$%&'*+/=?^_\`{|}~-]{1,64}@${LABEL}(\\.${LABEL})*$`,
  description: 'An ASCII e-mail address with at most 64 characters before the @',
  examples: ['ada@example.com'],
})

/** Letters, numbers, punctuation and symbols, without those that are drawn as nothing. */
const VISIBLE =
  '(?![\\p{Default_Ignorable_Code_Point}\\u2800\\u{13441}\\u{13442}\\u{1D159}])[\\p{L}\\p{N}\\p{P}\\p{S}]'

/**
 * No control characters and line ends, which could forge a line in someone's log; no lone surrogates, which UTF-8 cannot
 * hold; nothing that turns the direction of the text around it (UTR 36 §2.9). Emoji and Persian need joiners: they stay.
 * What is drawn as nothing is no name. The search looks at each character a fixed number of times.
 */
export const DisplayName = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: `^(?=[\\s\\S]*?${VISIBLE})[^\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Bidi_Control}\\u206A-\\u206F\\uFEFF\\uFFF9-\\uFFFB]*$`,
  description:
    'A name with a character that can be seen, without control characters, line ends and direction controls',
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

/** A new password: Unicode as typed (NIST SP 800-63B §3.1.1.2). NUL and lone surrogates would be stored as other text. */
export const NewPassword = password(PASSWORD_MIN)

/** A password to compare. One that is too short or too common is wrong, and the response does not say why. */
export const Password = password(1)

export const IdParams = Strict({ id: Uuid })

/** Our longest cursor, of a 254-character e-mail address, is some 410 characters. */
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

/** A page of a list; `nextCursor` is null on the last one. */
export const PageOf = <T extends TSchema>(item: T) =>
  Strict({ items: Type.Array(item), nextCursor: Type.Union([Cursor, Type.Null()], { examples: [null] }) })

export type Page<T> = { items: T[]; nextCursor: string | null }
export type IdParams = Static<typeof IdParams>
