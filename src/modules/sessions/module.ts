/** The sessions module: login, tokens, and the guards of all routes. */
import { defineModule } from '../define-module.ts'
import { sessionsErrors } from './errors.ts'
import { sessionsPlugin } from './plugin.ts'
import { sessionsRoutes } from './routes.ts'
import { SessionsSettings } from './settings.ts'

export const sessions = defineModule({
  name: 'sessions',
  isRequired: true,
  needs: ['accounts', 'audit', 'users'],
  settings: SessionsSettings,
  errors: sessionsErrors,
  tag: 'Tokens and sessions. A login begins a session. When a session ends, all its tokens become invalid.',
  plugin: sessionsPlugin,
  routes: sessionsRoutes,
})
