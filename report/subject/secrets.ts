/** The secret values of an environment. */

/** Shorter values are not secret, and appear in other words. */
const MIN_SECRET_LENGTH = 8
const SECRET_NAME = /SECRET|TOKEN|KEY|PASS|CREDENTIAL|PRIVATE|DATABASE_URL|REDIS_URL|MONGO\w*_UR[IL]|DSN/i

/** Returns the values of an environment, and the passwords in its URLs. */
export function secretsOf(environment: NodeJS.ProcessEnv): string[] {
  const values = Object.values(environment).filter(value => value !== undefined)
  const passwords = values.flatMap(passwordsOf)
  const lines = values.flatMap(value => (value.includes('\n') ? value.split('\n') : []))
  const plain = ['127.0.0.1', 'production']
  return [...values, ...passwords, ...lines].filter(
    value => value.length >= MIN_SECRET_LENGTH && !plain.includes(value) && !value.startsWith('-----'),
  )
}

/** Returns the secret values of a shell, whose other variables are mostly paths and locale names. */
export function namedSecrets(environment: NodeJS.ProcessEnv): string[] {
  const named = Object.entries(environment).filter(([name]) => SECRET_NAME.test(name))
  const passwords = Object.values(environment).flatMap(value => passwordsOf(value ?? ''))
  return [...secretsOf(Object.fromEntries(named)), ...passwords.filter(({ length }) => length > 0)]
}

function passwordsOf(value: string): string[] {
  const password = URL.parse(value)?.password
  return password ? [password, decoded(password)] : []
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A percent sign that encodes nothing.
    return text
  }
}
