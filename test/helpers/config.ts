/** Configurations for tests: valid, with limits that a test does not reach unless it sets them. */
import { createSigningKey } from '../../harness/signing-key.ts'
import { type Config, type Environment, loadConfig } from '../../src/config/config.ts'
import { modules } from '../../src/modules/index.ts'

/** The signing key, generated once: it takes 50 ms or more. */
export const { privateKey, publicKey } = createSigningKey()

/** Returns the environment of a service under test. Rate limits and timeouts are high, unless `overrides` sets them. */
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

/** Returns the configuration of a service under test. */
export function testConfig(databaseUrl: string, overrides: Environment = {}): Config {
  return loadConfig(testEnvironment(databaseUrl, overrides), modules)
}
