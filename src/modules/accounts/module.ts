/** The accounts module: registration and passwords. */
import { defineModule } from '../define-module.ts'
import { accountsErrors } from './errors.ts'
import { accountsPlugin } from './plugin.ts'
import { accountsRoutes } from './routes.ts'
import { AccountsSettings } from './settings.ts'

export const accounts = defineModule({
  name: 'accounts',
  isRequired: true,
  needs: ['audit', 'sessions', 'users'],
  settings: AccountsSettings,
  errors: accountsErrors,
  tag: 'Registration and passwords.',
  plugin: accountsPlugin,
  routes: accountsRoutes,
})
