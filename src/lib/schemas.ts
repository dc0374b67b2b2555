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

/** An instant in UTC, to the millisecond, as `Date.prototype.toISOString` writes it; the serializer takes a Date. */
export const Instant = Type.Unsafe<Date>({
  type: 'string',
  format: 'date-time',
  examples: ['2026-01-31T12:00:00.000Z'],
})

export const InstantOrNull = Type.Unsafe<Date | null>({
  type: ['string', 'null'],
  format: 'date-time',
  examples: [null],
})

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
