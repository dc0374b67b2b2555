/** The environment variables of the sessions module. */
import { type Static, Type } from '@sinclair/typebox'
import { Count, Lifetime } from '../../config/schema.ts'

export const SessionsSettings = Type.Object({
  REFRESH_TOKEN_TTL: Lifetime('Longest pause between two refreshes of a session', '14d'),
  SESSION_TTL: Lifetime('Longest life of a session, however often it is refreshed', '30d'),
  SESSIONS_PER_USER_MAX: Count(
    'Sessions that an account may have; a further login ends the oldest one',
    32,
    1,
    1000,
  ),
})

export type SessionsSettings = Static<typeof SessionsSettings>
