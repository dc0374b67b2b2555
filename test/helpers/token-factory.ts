/** Access tokens without a login: for tests that need many, and for the kinds that no login gives. */
import type { Config } from '../../src/config/config.ts'
import { createAccessTokens } from '../../src/modules/sessions/access-tokens.ts'

type Subject = { userId?: string; sessionId?: string; role?: 'user' | 'admin' }

/** Signs tokens as the service does. Whom nothing is said of is a user that nobody knows, in a session of its own. */
export function createTokenFactory(config: Pick<Config, 'jwt'>) {
  const sign = createAccessTokens(config.jwt)
  const inAnHour = () => new Date(Date.now() + 3_600_000)

  return async ({
    userId = crypto.randomUUID(),
    sessionId = crypto.randomUUID(),
    role = 'user',
  }: Subject = {}): Promise<string> => {
    const { accessToken } = await sign({ userId, sessionId, role }, inAnHour())
    return accessToken
  }
}
