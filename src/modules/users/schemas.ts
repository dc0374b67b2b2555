/** The schemas of requests and responses of users. */
import { type Static, Type } from '@sinclair/typebox'
import { DisplayName, Email, Instant, InstantOrNull, PageQuery, Strict, Uuid } from '../../lib/schemas.ts'

export const Role = Type.Union([Type.Literal('user'), Type.Literal('admin')])

const PublicUser = Strict({ id: Uuid, displayName: DisplayName, createdAt: Instant })

export const User = Strict({
  id: Uuid,
  email: Email,
  displayName: DisplayName,
  role: Role,
  createdAt: Instant,
  updatedAt: Instant,
})

/** A user as others see it. The optional members are for the owner and admins only. */
export const UserView = Strict({
  ...PublicUser.properties,
  email: Type.Optional(Email),
  role: Type.Optional(Role),
  updatedAt: Type.Optional(Instant),
})

/** A user in the list for admins. */
export const ListedUser = Strict({ ...User.properties, disabledAt: InstantOrNull })

export const UpdateBody = Strict({ displayName: DisplayName, email: Email })

/** The orders of the list. Each has an index. A minus at the beginning means descending. */
const UserSort = Type.Union(
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
