/** Shows, changes, lists, disables and enables users. */
import type { Database, DatabaseListeners, Executor } from '../../db/client.ts'
import { errors } from '../../http/errors.ts'
import { decodeCursor, instantOf, pageOf } from '../../lib/cursor.ts'
import { type ClientInfo, recordEvent } from '../audit/service.ts'
import { type AccessClaims, endAllSessions, type Revocations } from '../sessions/service.ts'
import { usersErrors } from './errors.ts'
import * as repository from './repository.ts'
import type { ListQuery, UpdateBody } from './schemas.ts'

export { User } from './schemas.ts'

type Dependencies = {
  database: Database
  revocations: Pick<Revocations, 'add'>
  traceQuery: DatabaseListeners['onQuery']
}

/** Returns the functions that the routes of users call. */
export function createUserService({ database, revocations, traceQuery }: Dependencies) {
  const findById = repository.createFindById(database.db, traceQuery)

  /** Returns the caller's own profile. Throws NotFound. */
  async function viewSelf({ sub }: AccessClaims) {
    const user = await findById(sub)
    if (!user) throw new errors.NotFound()
    return user
  }

  /** Returns the profile of a user: whole for the user and for admins, the public part for others. Throws NotFound. */
  async function view(id: string, caller: AccessClaims) {
    const user = await findById(id.toLowerCase())
    if (!user) throw new errors.NotFound()
    if (user.id === caller.sub || caller.role === 'admin') return user
    const { displayName, createdAt } = user
    return { id: user.id, displayName, createdAt }
  }

  /**
   * Changes the caller's own profile and returns it. Throws NotFound. If another account has the address, it throws the
   * violation of `users_email_key`, which the error handler renders as EMAIL_TAKEN.
   */
  async function update(caller: AccessClaims, changes: UpdateBody, client: ClientInfo) {
    return database.transaction('read committed', async tx => {
      const user = await repository.updateProfile(tx, caller.sub, changes)
      if (!user) throw new errors.NotFound()
      await recordEvent(
        tx,
        { type: 'user.updated', userId: user.id, actorId: caller.sub, sessionId: caller.sid },
        client,
      )
      return user
    })
  }

  /** Returns a page of the list of users. Throws InvalidCursor. */
  async function list({ sort = '-createdAt', limit = 20, cursor, role, disabled }: ListQuery) {
    const isDescending = sort.startsWith('-')
    const order = (isDescending ? sort.slice(1) : sort) as repository.Order
    const after = cursor === undefined ? undefined : positionOf(cursor, sort, order)
    const rows = await repository.listUsers(database.db, {
      order,
      isDescending,
      limit,
      after,
      role,
      disabled,
    })
    return pageOf(rows, limit, sort, row => repository.sortKeyOf(order, row))
  }

  /**
   * Disables a user and ends their sessions, or enables a user. A repeated call changes nothing. Throws Conflict for the
   * caller's own account; NotFound; LastAdmin if no enabled admin would remain; Unauthorized if the caller is no longer an
   * enabled admin.
   */
  async function setDisabled(
    id: string,
    isDisabled: boolean,
    caller: AccessClaims,
    client: ClientInfo,
  ): Promise<void> {
    if (id.toLowerCase() === caller.sub) throw new errors.Conflict()
    const ended = await database.transaction('read committed', async tx => {
      if (isDisabled) {
        const admins = await requireOtherAdmin(tx, id.toLowerCase())
        if (!admins.includes(caller.sub)) throw new errors.Unauthorized()
      }
      const isChanged = await repository.setDisabled(tx, id, isDisabled)
      if (!isChanged && !(await repository.exists(tx, id))) throw new errors.NotFound()
      if (!isChanged) return undefined
      const type = isDisabled ? 'user.disabled' : 'user.enabled'
      await recordEvent(tx, { type, userId: id, actorId: caller.sub, sessionId: caller.sid }, client)
      return isDisabled
        ? endAllSessions(tx, { userId: id, reason: 'account disabled', actorId: caller.sub }, client)
        : undefined
    })
    if (ended) revocations.add(ended)
  }

  return { view, viewSelf, update, list, setDisabled }
}

/** Locks the enabled admins and returns their ids. Throws LastAdmin if there is none besides `id`. */
async function requireOtherAdmin(tx: Executor, id: string): Promise<string[]> {
  const admins = await repository.lockAdmins(tx)
  if (admins.every(admin => admin === id)) throw new usersErrors.LastAdmin()
  return admins
}

/** The result of `assignRole`: `changed`, or why nothing was changed. */
type Assignment = 'changed' | 'unknown' | 'unchanged' | 'disabled'

/**
 * Gives a role to the account of an e-mail address, and ends its sessions, because their tokens contain the old role. A
 * disabled account is enabled if `enable` is set, otherwise nothing changes. For operators' commands, not for routes.
 * Throws LastAdmin if no enabled admin would remain.
 */
export async function assignRole(
  { transaction }: Pick<Database, 'transaction'>,
  email: string,
  role: AccessClaims['role'],
  { enable = false } = {},
): Promise<Assignment> {
  return transaction('read committed', async tx => {
    // The admins are locked before the account, in the same order everywhere. Another order could deadlock.
    const admins = role === 'admin' ? undefined : await repository.lockAdmins(tx)
    const account = await repository.lockByEmail(tx, email)
    if (!account) return 'unknown'
    if (account.isDisabled && !enable) return 'disabled'
    if (account.role === role && !account.isDisabled) return 'unchanged'
    if (admins?.every(id => id === account.id)) throw new usersErrors.LastAdmin()
    const userId = account.id
    if (account.isDisabled) {
      await repository.setDisabled(tx, userId, false)
      await recordEvent(tx, { type: 'user.enabled', userId })
    }
    if (account.role !== role) {
      await repository.setRole(tx, userId, role)
      await recordEvent(tx, { type: 'user.role_changed', userId, detail: { role } })
    }
    await endAllSessions(tx, { userId, reason: 'role changed' })
    return 'changed'
  })
}

function positionOf(cursor: string, sort: string, order: repository.Order) {
  const position = decodeCursor(cursor, sort)
  if (!position || (order === 'createdAt' && !instantOf(position.key))) throw new errors.InvalidCursor()
  return position
}
