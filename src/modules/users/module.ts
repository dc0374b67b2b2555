/** The users module: profiles, and the management of accounts by admins. */
import { defineModule } from '../define-module.ts'
import { usersErrors } from './errors.ts'
import { usersRoutes } from './routes.ts'

export const users = defineModule({
  name: 'users',
  isRequired: true,
  needs: ['audit', 'sessions'],
  errors: usersErrors,
  constraints: { users_email_key: 'EMAIL_TAKEN' },
  tag: 'Profiles, and the management of accounts by admins.',
  routes: usersRoutes,
})
