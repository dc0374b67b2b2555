/** Sabotages of rate limits: absent, evaded by what a client controls, or without the time to wait. */
import { edit, type Trial } from '../trial.ts'

const LIMIT = 'src/http/rate-limit.ts'
const LOGIN = 'src/modules/sessions/routes.ts'
const SUBJECT = 'subject: request => digest((request.body as LoginBody).email.toLowerCase()),'

/** Lets requests of a kind pass without counting them. */
const skipWhere = (condition: string) =>
  edit(
    LIMIT,
    'if (request.routeOptions.config?.rateLimit === false) return',
    `if (request.routeOptions.config?.rateLimit === false || ${condition}) return`,
  )

/** Counts by more than the client's address. */
const countBy = (text: string) =>
  edit(LIMIT, '? clientOf(request.clientAddress)\n', `? clientOf(request.clientAddress) + ${text}\n`)

const EVADED = ['security/rate-limit', 'security/rate-limit-bypass']

export const limits: Trial[] = [
  {
    name: 'the rate limit is removed',
    changes: [edit(LIMIT, 'limitClient(request, reply).then(() => done(), done)', 'done()')],
    turns: ['security/rate-limit', 'security/rate-limit-bypass'],
    changed: ['middleware/onRequest RateLimit'],
    also: ['security/problem-details'],
  },
  {
    name: 'one route is not limited',
    changes: [
      edit(
        'src/modules/users/routes.ts',
        "'/users/me',\n      {\n        config: {",
        "'/users/me',\n      {\n        config: { rateLimit: false,",
      ),
    ],
    turns: ['security/rate-limit'],
  },
  {
    name: 'unknown paths are not limited',
    changes: [skipWhere('request.is404')],
    turns: ['security/rate-limit'],
    also: EVADED,
  },
  {
    name: 'HEAD is not limited',
    changes: [skipWhere("request.method === 'HEAD'")],
    turns: ['security/rate-limit|security/rate-limit-bypass'],
    also: EVADED,
  },
  {
    name: 'requests with a token are not limited',
    changes: [skipWhere('request.headers.authorization !== undefined')],
    turns: ['security/rate-limit-bypass|security/rate-limit'],
    also: EVADED,
  },
  {
    name: 'a header of an internal client lifts the limit',
    changes: [skipWhere("request.headers['x-internal-request'] === '1'")],
    turns: ['security/rate-limit-bypass'],
    also: ['security/undeclared-input'],
  },
  {
    name: 'a user agent of a monitor lifts the limit',
    changes: [skipWhere("/uptime|monitor|kube-probe/i.test(String(request.headers['user-agent']))")],
    turns: ['security/rate-limit-bypass'],
    also: ['security/undeclared-input'],
  },
  {
    name: 'a slash at the end of a path lifts the limit',
    changes: [skipWhere("request.url.endsWith('/')")],
    turns: ['security/rate-limit-bypass'],
    also: EVADED,
  },
  {
    name: 'a parameter lifts the limit',
    changes: [skipWhere("request.url.includes('?nocache=')")],
    turns: ['security/rate-limit-bypass'],
    also: ['security/undeclared-input'],
  },
  {
    name: 'each user agent has a limit of its own',
    changes: [countBy("request.headers['user-agent']")],
    turns: ['security/rate-limit-bypass'],
  },
  {
    name: 'each address with its query has a limit of its own',
    changes: [countBy('request.url')],
    turns: ['security/rate-limit-bypass'],
    also: EVADED,
  },
  {
    name: 'every proxy is trusted',
    changes: [
      edit(
        'src/app.ts',
        'app.register(clientAddress, config)',
        "app.register(clientAddress, { server: { trustProxy: ['0.0.0.0/1', '128.0.0.0/1', '::/1'] } })",
      ),
    ],
    turns: ['security/rate-limit-bypass'],
  },
  {
    name: 'X-Real-IP is trusted',
    changes: [
      edit(
        'src/http/client-address.ts',
        ': addressOfPeer(socket)\n',
        ": String(headers['x-real-ip'] ?? addressOfPeer(socket))\n",
      ),
    ],
    turns: ['security/rate-limit-bypass'],
  },
  {
    name: 'a client over its limit is not told when to try again',
    changes: [edit(LIMIT, "reply.header('retry-after', String(outcome.ttlInSeconds))\n", '')],
    turns: ['security/rate-limit'],
    also: ['security/login-limit'],
  },
  {
    name: 'logins are limited by client alone',
    changes: [edit(LOGIN, SUBJECT, '')],
    turns: ['security/login-limit'],
    also: ['security/*'],
  },
  {
    name: 'logins are not limited',
    changes: [
      edit(LOGIN, 'max: config.rateLimit.loginMax,\n        // A hash', 'max: 1_000_000,\n        // A hash'),
    ],
    turns: ['security/login-limit'],
    also: ['middleware/*'],
  },
  {
    name: 'the case of an address evades the limit of logins',
    changes: [edit(LOGIN, '.email.toLowerCase()),', '.email),')],
    turns: ['security/login-limit'],
  },
  {
    name: 'each user agent has a limit of logins of its own',
    changes: [
      edit(LOGIN, '.email.toLowerCase()),', ".email.toLowerCase() + request.headers['user-agent']),"),
    ],
    turns: ['security/login-limit'],
  },
  {
    name: 'logins of browsers have a limit of their own',
    changes: [edit(LOGIN, '.email.toLowerCase()),', '.email.toLowerCase() + request.url),')],
    turns: ['security/login-limit'],
  },
].map(trial => ({ kind: 'limits', ...trial }))
