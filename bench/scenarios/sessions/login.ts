/** A login: an argon2id hash, which is slow on purpose; judge it by its share of cores / hash time. */
import type { Scenario } from '../../scenario.ts'

export default {
  name: 'login',
  // Of 200 requests one is a login: its hash costs as much CPU as all the others together.
  share: 1,
  // Two hashes at once are all that two cores can do; more connections would only measure their queue.
  connections: 4,
  endpoints: [
    {
      name: 'POST /auth/login',
      method: 'POST',
      path: '/api/v1/auth/login',
      body: { email: '{{users.email}}', password: '{{users.password}}' },
    },
  ],
} satisfies Scenario
