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
  tag: 'Tokens and sessions. A session begins at a login and ends for all its tokens at once.',
  plugin: sessionsPlugin,
  routes: sessionsRoutes,
})
