/** Signs access tokens without a login, for tests that need many, or tokens that no login returns. */
import type { Config } from '../../src/config/config.ts'
import { createAccessTokens } from '../../src/modules/sessions/access-tokens.ts'

type Subject = { userId?: string; sessionId?: string; role?: 'user' | 'admin' }

/** Returns a function that signs tokens as the service does: by default of a user and a session that do not exist. */
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
