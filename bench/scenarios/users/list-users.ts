/** The first page of all users, as an admin's browser opens it. */
import type { Scenario } from '../../scenario.ts'

export default {
  name: 'list-users',
  share: 10,
  endpoints: [
    {
      name: 'GET /users',
      method: 'GET',
      path: '/api/v1/users?limit=20',
      headers: { authorization: 'Bearer {{admins.accessToken}}' },
    },
  ],
} satisfies Scenario
