/** What every data layer does here: one look-up and one page of a list, from the table that the service has. */

/** A user as the service shows one, in this order. */
export type User = {
  id: string
  email: string
  displayName: string
  role: string
  createdAt: Date
  updatedAt: Date
}

/** The place of a row in the list, which is ordered by creation and then by id. */
export type Position = Pick<User, 'createdAt' | 'id'>

export type Layer = {
  findUser: (id: string) => Promise<User | null | undefined>
  /** Returns the users after a position, from the first on where there is none. */
  listUsers: (limit: number, after: Position | undefined) => Promise<User[]>
}

/** What each of them is given: the same connections, to the same database. */
export type Connection = {
  url: string
  poolSize: number
}

export type Connect = (connection: Connection) => Promise<Layer>
