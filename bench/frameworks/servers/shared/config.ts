/** What the servers read from their environment, under the names that the service uses. */
import { createPrivateKey, createPublicKey } from 'node:crypto'

const units = { s: 1, m: 60, h: 3600 }

export type Config = ReturnType<typeof readConfig>

/** Returns the settings; throws where a required one is missing. */
export function readConfig(environment = process.env) {
  const required = (name: string): string => {
    const value = environment[name]
    if (!value) throw new Error(`${name} is not set`)
    return value
  }
  const privateKey = createPrivateKey(required('JWT_PRIVATE_KEY'))
  return {
    host: environment.HOST ?? '127.0.0.1',
    port: Number(environment.PORT ?? 3000),
    databaseUrl: required('DATABASE_URL'),
    jwt: {
      privateKey,
      publicKey: createPublicKey(privateKey),
      issuer: 'plumbline',
      audience: 'plumbline-api',
      lifetimeSeconds: secondsOf(environment.ACCESS_TOKEN_TTL ?? '15m'),
    },
    rateLimit: {
      max: Number(environment.RATE_LIMIT_MAX ?? 100),
      windowMs: secondsOf(environment.RATE_LIMIT_WINDOW ?? '1m') * 1000,
    },
  }
}

function secondsOf(text: string): number {
  const match = /^(\d+)([smh])$/.exec(text)
  if (!match) throw new Error(`a duration is a number and s, m or h, not "${text}"`)
  return Number(match[1]) * units[match[2] as keyof typeof units]
}
