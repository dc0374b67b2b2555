/** A change of the caller's own name: a transaction with a write. */
import type { Scenario } from '../../scenario.ts'

export default {
  name: 'put-user',
  share: 20,
  endpoints: [
    {
      name: 'PUT /users/:id',
      method: 'PUT',
      path: '/api/v1/users/{{session.id}}',
      headers: { authorization: 'Bearer {{session.accessToken}}' },
      body: { displayName: 'Number {{counter}}', email: '{{session.email}}' },
    },
  ],
} satisfies Scenario
