/** Sabotages of accounts: enumeration, passwords, and disabled accounts. */
import { edit, type Trial } from '../trial.ts'

const SERVICE = 'src/modules/accounts/service.ts'
const PASSWORDS = 'src/modules/accounts/passwords.ts'
const SESSIONS = 'src/modules/sessions/service.ts'
const LOGIN = 'src/modules/sessions/routes.ts'
const USERS = 'src/modules/users/repository.ts'

export const accounts: Trial[] = [
  {
    name: 'registration shows which addresses are taken',
    changes: [
      edit(SERVICE, 'created ?? decoyUser(profile)', 'created ?? Promise.reject(new errors.Conflict())'),
    ],
    turns: ['security/enumeration-body'],
  },
  {
    name: 'the id of a taken address is always the same',
    changes: [edit(SERVICE, 'crypto.randomUUID() as string', "'0197a1b2-9d3c-4e4f-8a5b-6c7d8e9f0a1b'")],
    turns: ['security/enumeration-body'],
  },
  {
    name: 'a header of a login shows whether there is an account',
    changes: [
      edit(
        LOGIN,
        'const opened = await sessions.login(',
        "if (await credentials.findByEmail(request.body.email)) reply.header('x-attempts-left', '3')\n      const opened = await sessions.login(",
      ),
    ],
    turns: ['security/enumeration-body'],
  },
  {
    name: 'the length of a refused login shows whether there is an account',
    changes: [
      edit(
        SESSIONS,
        'throw new sessionsErrors.InvalidCredentials()',
        "throw Object.assign(new sessionsErrors.InvalidCredentials(), { message: account ? 'E-mail or password is wrong' : 'E-mail or password is wrong ' })",
      ),
    ],
    turns: ['security/enumeration-body'],
  },
  {
    name: 'a login to a disabled account has a status of its own',
    changes: [
      edit(
        SESSIONS,
        'import type { SessionsMetrics }',
        "import { errors } from '../../http/errors.ts'\nimport type { SessionsMetrics }",
      ),
      edit(
        SESSIONS,
        'if (!account || !isMatch || account.isDisabled)',
        'if (account?.isDisabled) throw new errors.Forbidden()\n    if (!account || !isMatch)',
      ),
    ],
    turns: ['security/enumeration-body'],
    also: ['security/disabled-accounts'],
  },
  {
    name: 'unknown accounts are refused without a hash',
    changes: [
      edit(
        PASSWORDS,
        'const expected = isReadable ? passwordHash : await dummy',
        'if (!isReadable) return false\n      const expected = passwordHash',
      ),
    ],
    turns: ['security/enumeration-time'],
  },
  {
    name: 'a registration of a taken address ends without a hash',
    changes: [
      edit(
        SERVICE,
        'import type { Database }',
        "import { sql } from 'drizzle-orm'\nimport type { Database }",
      ),
      edit(
        SERVICE,
        'const passwordHash = await passwords.hash(password)',
        'const { rows } = await database.db.execute(sql`select from users where lower(email) = lower(${profile.email})`)\n    if (rows.length > 0) return decoyUser(profile)\n    const passwordHash = await passwords.hash(password)',
      ),
    ],
    turns: ['security/enumeration-time'],
  },
  {
    name: 'passwords are hashed with less memory',
    changes: [edit(PASSWORDS, 'memoryCost: 19_456', 'memoryCost: 4096')],
    turns: ['security/password-hashing'],
    also: ['security/enumeration-time'],
  },
  {
    name: 'common passwords are accepted',
    changes: [edit(SERVICE, '    refuseWeak(password, profile)\n', '')],
    turns: ['security/password-policy'],
  },
  {
    name: 'a new password may be a common one',
    changes: [edit(SERVICE, 'if (account) refuseWeak(newPassword, account)', '')],
    turns: ['security/password-policy'],
  },
  {
    name: 'passwords of five characters are accepted',
    changes: [edit('src/lib/schemas.ts', 'PASSWORD_MIN = 8', 'PASSWORD_MIN = 5')],
    turns: ['security/password-policy'],
  },
  {
    name: 'a disabled account continues to work',
    changes: [edit(USERS, 'disabledAt: isDisabled ? sql`now()` : null', 'disabledAt: null')],
    turns: ['security/disabled-accounts'],
  },
  {
    name: 'a disabled account can log in again',
    changes: [
      edit(SESSIONS, '!isMatch || account.isDisabled', '!isMatch'),
      edit(
        'src/modules/sessions/repository.ts',
        'password_hash = $2 and disabled_at is null for share',
        'password_hash = $2 for share',
      ),
    ],
    turns: ['security/disabled-accounts'],
  },
].map(trial => ({ kind: 'accounts', ...trial }))
