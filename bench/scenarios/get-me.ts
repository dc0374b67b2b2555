/** The caller's own profile. */
import type { Scenario } from '../scenario.ts'

export default {
  name: 'get-me',
  endpoints: [
    {
      name: 'GET /users/me',
      method: 'GET',
      path: '/api/v1/users/me',
      headers: { authorization: 'Bearer {{session.accessToken}}' },
    },
  ],
} satisfies Scenario
