/** Decides who sees what of a user, and what an admin's changes bring with them. */
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

export function createUserService({ database, revocations, traceQuery }: Dependencies) {
  const findById = repository.createFindById(database.db, traceQuery)

  /** The caller's own profile. */
  async function viewSelf({ sub }: AccessClaims) {
    const user = await findById(sub)
    if (!user) throw new errors.NotFound()
    return user
  }

  /** What the caller may see of a user: all of it for the user and for admins, the public part for others. */
  async function view(id: string, caller: AccessClaims) {
    const user = await findById(id.toLowerCase())
    if (!user) throw new errors.NotFound()
    if (user.id === caller.sub || caller.role === 'admin') return user
    const { displayName, createdAt } = user
    return { id: user.id, displayName, createdAt }
  }

  /** Changes the caller's own profile. Throws EmailTaken where another account has the address. */
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

  /** A page of all users, for admins. */
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
    return pageOf(rows, limit, sort, row => repository.keyOf(order, row))
  }

  /**
   * Disables a user, which ends all sessions, or enables one. To say it twice changes nothing. Throws LastAdmin where no
   * enabled admin would remain, and Unauthorized where the caller has been disabled meanwhile.
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

/** Locks and returns the enabled admins. Throws LastAdmin where none but the one of `id` is left. */
async function requireOtherAdmin(tx: Executor, id: string): Promise<string[]> {
  const admins = await repository.lockAdmins(tx)
  if (admins.every(admin => admin === id)) throw new usersErrors.LastAdmin()
  return admins
}

/** What became of an operator's wish: `changed`, or why nothing was changed. */
export type Assignment = 'changed' | 'unknown' | 'unchanged' | 'disabled'

/**
 * Gives a role to the account of an address, and ends its sessions: their tokens name the old role. A disabled account is
 * left as it is, or enabled first. An operator's act, not a route's. Throws LastAdmin where no enabled admin would remain.
 */
export async function assignRole(
  { transaction }: Pick<Database, 'transaction'>,
  email: string,
  role: AccessClaims['role'],
  { enable = false } = {},
): Promise<Assignment> {
  return transaction('read committed', async tx => {
    // Before the account, as everywhere: what locks them in another order could wait for ever.
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
