/** A day's mixture: mostly reads, some writes, now and then a refresh or a login. */
import type { Scenario } from '../scenario.ts'
import getMe from './get-me.ts'
import getUser from './get-user.ts'
import listUsers from './list-users.ts'
import login from './login.ts'
import putUser from './put-user.ts'
import refresh from './refresh.ts'

// Of 200 requests one is a login: its hash costs as much CPU as all the others together.
const shares = [
  [getUser, 120],
  [getMe, 40],
  [listUsers, 10],
  [putUser, 20],
  [refresh, 9],
  [login, 1],
] as const

export default {
  name: 'mix',
  endpoints: shares.flatMap(([scenario, weight]) =>
    scenario.endpoints.map(endpoint => ({ ...endpoint, weight })),
  ),
} satisfies Scenario
