/** The list of modules, in the order of their groups in the API documentation. */
import { accounts } from './accounts/module.ts'
import { audit } from './audit/module.ts'
import type { Module } from './define-module.ts'
import { notes } from './notes/module.ts'
import { sessions } from './sessions/module.ts'
import { users } from './users/module.ts'

export const modules: readonly Module[] = [accounts, sessions, users, audit, notes]
