/** Removes secrets from a document. Runs last, before anything is written. */

/** Replaces a secret in any document. */
export const HIDDEN = '[hidden]'

/** JSON Web Tokens and PEM blocks of any origin. */
const SECRET_FORMATS = /eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|-----BEGIN [^-]+-----[\s\S]*?-----END [^-]+-----/g

/** Returns a copy of plain data in which no string contains a secret. */
export function redact<T>(value: T, secrets: readonly string[]): T {
  // The longest first, so that no part of a longer secret is left.
  const ordered = secrets.toSorted((a, b) => b.length - a.length)
  const clean = (text: string) =>
    ordered.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text).replaceAll(SECRET_FORMATS, HIDDEN)
  return mapStrings(value, clean) as T
}

function mapStrings(value: unknown, clean: (text: string) => string): unknown {
  if (typeof value === 'string') return clean(value)
  if (Array.isArray(value)) return value.map(item => mapStrings(item, clean))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([name, item]) => [clean(name), mapStrings(item, clean)])
  return Object.fromEntries(entries)
}
