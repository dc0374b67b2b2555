/** Creates access tokens without a login: for tests that need many, or such as no login creates. */
import type { Config } from '../../src/config/config.ts'
import { createAccessTokens } from '../../src/modules/sessions/access-tokens.ts'

type Subject = { userId?: string; sessionId?: string; role?: 'user' | 'admin' }

/** Signs tokens as the service does. By default the user is unknown, and each token has its own session. */
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
