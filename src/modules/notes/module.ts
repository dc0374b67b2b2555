/** The notes module: the example to copy. Users write notes that only they can see. */
import { defineModule } from '../define-module.ts'
import { notesRoutes } from './routes.ts'

export const notes = defineModule({
  name: 'notes',
  needs: ['sessions', 'users'],
  // The token is still valid, but an operator has deleted its user.
  constraints: { notes_owner_id_users_id_fk: 'UNAUTHORIZED' },
  tag: 'Notes. Only their owner can see them.',
  routes: notesRoutes,
})
