/** The notes module: the example to copy. Users write notes that only they can see. */
import { defineModule } from '../define-module.ts'
import { notesRoutes } from './routes.ts'

export const notes = defineModule({
  name: 'notes',
  needs: ['sessions', 'users'],
  // A token whose user was deleted by hand.
  constraints: { notes_owner_id_users_id_fk: 'UNAUTHORIZED' },
  tag: 'Notes that only their owner can see.',
  routes: notesRoutes,
})
