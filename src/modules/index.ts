/** The modules of the service. Their groups in the API documentation come in this order. */
import { accounts } from './accounts/module.ts'
import { audit } from './audit/module.ts'
import type { Module } from './define-module.ts'
import { notes } from './notes/module.ts'
import { sessions } from './sessions/module.ts'
import { users } from './users/module.ts'

export const modules: readonly Module[] = [accounts, sessions, users, audit, notes]
