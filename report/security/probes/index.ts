/** Every probe, in the order in which the report lists them. */
import type { Probe } from '../probe.ts'
import * as accounts from './accounts.ts'
import * as authorization from './authorization.ts'
import * as disclosure from './disclosure.ts'
import * as headers from './headers.ts'
import * as input from './input.ts'
import * as limits from './limits.ts'
import * as sessions from './sessions.ts'
import * as tokens from './tokens.ts'

export const PROBES: readonly Probe[] = [
  input.inputValidation,
  input.sqlInjection,
  tokens.jwtSigning,
  limits.rateLimit,
  headers.corsAllowed,
  headers.securityHeaders,
  tokens.forgedTokens,
  tokens.algorithmConfusion,
  tokens.tokenExpiry,
  tokens.tokenAudience,
  sessions.refreshRotation,
  sessions.refreshReuse,
  sessions.refreshRace,
  sessions.refreshStorage,
  sessions.refreshCookie,
  sessions.logout,
  sessions.passwordChange,
  authorization.ownerOnly,
  authorization.adminOnly,
  authorization.disabledAccounts,
  authorization.privateFields,
  authorization.otherSessions,
  authorization.massAssignment,
  accounts.passwordHashing,
  accounts.weakPasswords,
  accounts.enumerationByBody,
  accounts.enumerationByTime,
  accounts.loginLimit,
  input.strictBodies,
  input.malformedText,
  headers.corsRefused,
  headers.noFingerprint,
  headers.noStore,
  limits.rateLimitBypass,
  limits.bodyLimit,
  limits.slowBody,
  limits.requestSmuggling,
  limits.longHeaders,
  disclosure.noLeak,
  disclosure.problemDetails,
  disclosure.methodNotAllowed,
  disclosure.metricsGuarded,
  disclosure.logRedaction,
  disclosure.configRequired,
  disclosure.repositorySecrets,
  disclosure.imageSecrets,
]
