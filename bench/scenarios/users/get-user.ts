/** One user by id, drawn from all of them, for a signed-in caller. */
import type { Scenario } from '../../scenario.ts'

export default {
  name: 'get-user',
  share: 120,
  endpoints: [
    {
      name: 'GET /users/:id',
      method: 'GET',
      path: '/api/v1/users/{{users.id}}',
      headers: { authorization: 'Bearer {{session.accessToken}}' },
    },
  ],
} satisfies Scenario
