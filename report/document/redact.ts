/** Takes secrets out of a document, wherever they are: the last gate before anything is written. */
import { HIDDEN } from '../subject/subject.ts'

/** JSON Web Tokens and PEM blocks, whoever made them. */
const FORMS = /eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|-----BEGIN [^-]+-----[\s\S]*?-----END [^-]+-----/g

/** A copy of plain data in which no string holds a secret. */
export function redact<T>(value: T, secrets: readonly string[]): T {
  // Longest first: what is left of a longer one would still say something.
  const ordered = secrets.toSorted((a, b) => b.length - a.length)
  const clean = (text: string) =>
    ordered.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text).replaceAll(FORMS, HIDDEN)
  return walk(value, clean) as T
}

function walk(value: unknown, clean: (text: string) => string): unknown {
  if (typeof value === 'string') return clean(value)
  if (Array.isArray(value)) return value.map(item => walk(item, clean))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [clean(name), walk(item, clean)]))
}
