/** Records audit events. Nothing updates or deletes them. */
import { sql } from 'drizzle-orm'
import type { FastifyRequest } from 'fastify'
import type { Executor } from '../../db/client.ts'
import { auditEvents } from './tables.ts'

export type AuditType =
  | 'user.registered'
  | 'user.register_refused'
  | 'user.updated'
  | 'user.disabled'
  | 'user.enabled'
  | 'user.role_changed'
  | 'login.succeeded'
  | 'login.failed'
  | 'refresh.reused'
  | 'session.revoked'
  | 'password.changed'

type AuditEvent = {
  type: AuditType
  /** The user that the event is about. */
  userId?: string | undefined
  /** The user who caused the event; undefined for an unknown client and for an operator's command. */
  actorId?: string | undefined
  sessionId?: string | undefined
  detail?: Record<string, string>
}

/** The client of a request, as audit events and sessions record it. */
export type ClientInfo = { ip: string; requestId: string; userAgent: string }

/** Longest user agent that is stored, in characters. The rest of a longer one is not useful. */
const USER_AGENT_MAX = 256

/** Returns the address, id and user agent of a request. */
export function clientInfoOf(request: FastifyRequest): ClientInfo {
  const userAgent = (request.headers['user-agent'] ?? '').slice(0, USER_AGENT_MAX)
  return { ip: request.clientAddress, requestId: request.id, userAgent }
}

/** Records an event. Pass the transaction of the recorded change, so that both are committed or neither is. */
export async function recordEvent(db: Executor, event: AuditEvent, client?: ClientInfo): Promise<void> {
  await db.insert(auditEvents).values({ ...event, ip: client?.ip, requestId: client?.requestId })
}

/** Records an event for each of many sessions. One statement, because an account can have thousands of sessions. */
export async function recordForEach(
  db: Executor,
  sessionIds: string[],
  event: Omit<AuditEvent, 'sessionId'>,
  client?: ClientInfo,
): Promise<void> {
  const { type, userId, actorId, detail = {} } = event
  await db.execute(sql`
    insert into ${auditEvents} (type, user_id, actor_id, ip, request_id, detail, session_id)
    select ${type}, ${userId ?? null}::uuid, ${actorId ?? null}::uuid, ${client?.ip ?? null}, ${client?.requestId ?? null},
      ${JSON.stringify(detail)}::jsonb, unnest(${sql.param(sessionIds)}::uuid[])`)
}
