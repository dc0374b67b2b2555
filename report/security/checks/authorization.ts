/** Security checks of authorization over all routes. */
import { needsAdmin, pathOf } from '../../routes.ts'
import { USERS } from '../actors.ts'
import type { ServiceCheck } from '../check.ts'

export const adminOnly: ServiceCheck = {
  id: 'admin-only',
  rank: 190,
  claim: 'Admin routes refuse users ({count} routes)',
  source: 'OWASP API5:2023, ASVS 5.0 §8.2.1',
  needs: 'service',
  async run({ expect, actors, routes: all }) {
    const [user, admin] = await Promise.all([actors.user(), actors.admin()])
    const routes = all.filter(needsAdmin)
    expect.fact('routes with an admin guard', String(routes.length), '1 or more', routes.length > 0)
    for (const route of routes) {
      const refused = await user.client.call(route.method, pathOf(route, user.id), {
        sent: "a user's token",
        token: user.accessToken,
      })
      expect.status(refused, 403)
    }
    const token = admin.accessToken
    expect.status(await admin.client.call('GET', USERS, { sent: "an admin's token", token }), 200)
    return { count: String(routes.length) }
  },
}
