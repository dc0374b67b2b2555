/** An exchange of a refresh token, each of which is good for one use: the next request needs this one's response. */
import type { Scenario } from '../../scenario.ts'

export default {
  name: 'refresh',
  share: 9,
  endpoints: [
    {
      name: 'POST /auth/refresh',
      method: 'POST',
      path: '/api/v1/auth/refresh',
      body: { refreshToken: '{{session.refreshToken}}' },
      capture: { refreshToken: 'refreshToken' },
    },
  ],
} satisfies Scenario
