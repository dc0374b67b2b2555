/** A note is created: one statement, in a table that grows. */
import type { Scenario } from '../../scenario.ts'

export default {
  name: 'create-note',
  endpoints: [
    {
      name: 'POST /notes',
      method: 'POST',
      path: '/api/v1/notes',
      headers: { authorization: 'Bearer {{session.accessToken}}' },
      body: { title: 'Number {{counter}}', body: 'A body' },
    },
  ],
} satisfies Scenario
