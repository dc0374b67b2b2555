/** The caller's own profile. */
import type { Scenario } from '../../scenario.ts'

export default {
  name: 'get-me',
  share: 40,
  endpoints: [
    {
      name: 'GET /users/me',
      method: 'GET',
      path: '/api/v1/users/me',
      headers: { authorization: 'Bearer {{session.accessToken}}' },
    },
  ],
} satisfies Scenario
