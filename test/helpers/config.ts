/** Configurations for tests: valid, quick to reach their limits, and different only in what a test is about. */
import { createSigningKey } from '../../harness/signing-key.ts'
import { type Config, type Environment, loadConfig } from '../../src/config/config.ts'
import { modules } from '../../src/modules/index.ts'

/** Made once per test file: a key takes 50 ms and more. */
export const { privateKey, publicKey } = createSigningKey()

/** The environment of a service under test; limits are out of the way unless a test is about them. */
export function testEnvironment(databaseUrl: string, overrides: Environment = {}): Environment {
  return {
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    PORT: '0',
    DATABASE_URL: databaseUrl,
    JWT_PRIVATE_KEY: privateKey,
    MAX_EVENT_LOOP_DELAY: '60s',
    DATABASE_CONNECT_TIMEOUT: '20s',
    RATE_LIMIT_MAX: '1000000',
    LOGIN_RATE_LIMIT_MAX: '1000000',
    REGISTER_RATE_LIMIT_MAX: '1000000',
    ...overrides,
  }
}

export function testConfig(databaseUrl: string, overrides: Environment = {}): Config {
  return loadConfig(testEnvironment(databaseUrl, overrides), modules)
}
