/** All sabotages. */
import type { Trial } from '../trial.ts'
import { accounts } from './accounts.ts'
import { authorization } from './authorization.ts'
import { database } from './database.ts'
import { errors } from './errors.ts'
import { headers } from './headers.ts'
import { injection } from './injection.ts'
import { input } from './input.ts'
import { limits } from './limits.ts'
import { middleware } from './middleware.ts'
import { operation } from './operation.ts'
import { sessions } from './sessions.ts'
import { tokens } from './tokens.ts'

export const sabotages: readonly Trial[] = [
  ...input,
  ...injection,
  ...tokens,
  ...sessions,
  ...accounts,
  ...authorization,
  ...headers,
  ...errors,
  ...limits,
  ...database,
  ...middleware,
  ...operation,
]
