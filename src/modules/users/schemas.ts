/** What the user routes take and answer. */
import { type Static, Type } from '@sinclair/typebox'
import { Instant, InstantOrNull, PageQuery, Strict, Uuid } from '../../lib/schemas.ts'

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

export const Role = Type.Union([Type.Literal('user'), Type.Literal('admin')])

export const PublicUser = Strict({ id: Uuid, displayName: DisplayName, createdAt: Instant })

export const User = Strict({
  id: Uuid,
  email: Email,
  displayName: DisplayName,
  role: Role,
  createdAt: Instant,
  updatedAt: Instant,
})

/** What everyone may see, and the rest for the owner and admins. */
export const UserView = Strict({
  ...PublicUser.properties,
  email: Type.Optional(Email),
  role: Type.Optional(Role),
  updatedAt: Type.Optional(Instant),
})

/** A user as admins list them. */
export const ListedUser = Strict({ ...User.properties, disabledAt: InstantOrNull })

export const UpdateBody = Strict({ displayName: DisplayName, email: Email })

/** The orders of the list. Each one has an index; a leading minus means descending. */
export const UserSort = Type.Union(
  ['createdAt', '-createdAt', 'email', '-email'].map(order => Type.Literal(order)),
  { default: '-createdAt' },
)

export const ListQuery = Strict({
  ...PageQuery,
  sort: Type.Optional(UserSort),
  role: Type.Optional(Role),
  disabled: Type.Optional(Type.Boolean()),
})

export type UpdateBody = Static<typeof UpdateBody>
export type ListQuery = Static<typeof ListQuery>
