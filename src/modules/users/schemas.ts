/** What the user routes take and answer. */
import { type Static, Type } from '@sinclair/typebox'
import { Instant, InstantOrNull, PageQuery, Strict, Uuid } from '../../lib/schemas.ts'

/**
 * An ASCII address: RFC 5321's longest is 254 characters. Addresses compare without regard to case, and ASCII is
 * where every implementation agrees on what that means.
 */
export const Email = Type.String({
  maxLength: 254,
  pattern:
    '^[A-Za-z0-9.!#$%&*+/=?^_{|}~-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z]{2,63}$',
  examples: ['ada@example.com'],
})

/** No control characters, which could forge a line in someone's log, and no lone surrogates, which UTF-8 cannot hold. */
export const DisplayName = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: '^[^\\p{Cc}\\p{Cs}]*[^\\p{Cc}\\p{Cs}\\p{Z}][^\\p{Cc}\\p{Cs}]*$',
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
