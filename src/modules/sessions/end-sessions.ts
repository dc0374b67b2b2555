/** Ends one or all sessions of a user, and records audit events, in the transaction of the caller. */
import type { Executor } from '../../db/client.ts'
import { type ClientInfo, recordEvent, recordForEach } from '../audit/service.ts'
import { revokeAllSessions, revokeSession } from './repository.ts'
import type { Ended } from './revocations.ts'

type EndOptions = { userId: string; reason: string; actorId?: string | undefined }

/** Ends one session of a user and records it. Returns the ended session, or none if it was not live. */
export async function endSession(
  tx: Executor,
  { sessionId, ...options }: EndOptions & { sessionId: string },
  client: ClientInfo,
): Promise<Ended> {
  const isEnded = await revokeSession(tx, { ...options, sessionId })
  const sessionIds = isEnded ? [sessionId] : []
  await recordForEach(tx, sessionIds, revocationEvent(options), client)
  return { sessionIds }
}

/**
 * Ends all sessions of a user, except the one with the id `except`, and returns them. Each of the newest 5,000 gets an
 * audit event. If there are more, one event stands for all the others.
 */
export async function endAllSessions(
  tx: Executor,
  { except, ...options }: EndOptions & { except?: string },
  client?: ClientInfo,
): Promise<Ended> {
  const { sessionIds, isMore } = await revokeAllSessions(tx, { ...options, except })
  await recordForEach(tx, sessionIds, revocationEvent(options), client)
  if (isMore) {
    const event = revocationEvent({ ...options, reason: `${options.reason}: all earlier sessions` })
    await recordEvent(tx, event, client)
  }
  return { sessionIds, userId: options.userId }
}

function revocationEvent({ userId, actorId, reason }: EndOptions) {
  return { type: 'session.revoked' as const, userId, actorId, detail: { reason } }
}
