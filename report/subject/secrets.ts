/** The secret values of an environment. */

/** Shorter values are not secret, and appear in other words. */
const MIN_SECRET_LENGTH = 8

/** Returns the values of an environment, and the passwords in its URLs. */
export function secretsOf(environment: NodeJS.ProcessEnv): string[] {
  const values = Object.values(environment).filter(value => value !== undefined)
  const passwords = values.flatMap(value => {
    const password = URL.parse(value)?.password
    return password ? [password, decodeURIComponent(password)] : []
  })
  const lines = values.flatMap(value => (value.includes('\n') ? value.split('\n') : []))
  const plain = ['127.0.0.1', 'production']
  return [...values, ...passwords, ...lines].filter(
    value => value.length >= MIN_SECRET_LENGTH && !plain.includes(value) && !value.startsWith('-----'),
  )
}
