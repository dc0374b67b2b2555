/** Writes the events that an auditor asks for. Nothing updates or deletes them. */
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

export type AuditEvent = {
  type: AuditType
  /** Whom it happened to. */
  userId?: string | undefined
  /** Who did it; nobody where the caller is not known, or where an operator used a command. */
  actorId?: string | undefined
  sessionId?: string | undefined
  detail?: Record<string, string>
}

/** Where a request came from, as audit rows and sessions record it. */
export type ClientInfo = { ip: string; requestId: string; userAgent: string }

/** Longer user agents say nothing more; the column is shown to its owner. */
const USER_AGENT_MAX = 256

export function clientInfoOf(request: FastifyRequest): ClientInfo {
  const userAgent = (request.headers['user-agent'] ?? '').slice(0, USER_AGENT_MAX)
  return { ip: request.clientAddress, requestId: request.id, userAgent }
}

/** Adds a row, in the transaction of what it records where there is one. */
export async function recordEvent(db: Executor, event: AuditEvent, client?: ClientInfo): Promise<void> {
  await db.insert(auditEvents).values({ ...event, ip: client?.ip, requestId: client?.requestId })
}

/** Adds a row for each of many sessions, in one statement: an account may have thousands of them. */
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
