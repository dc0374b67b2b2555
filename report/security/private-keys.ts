/** Finds private key material in text: PEM blocks, the secret members of JSON Web Keys, and the parts of a known key. */
import { createPrivateKey } from 'node:crypto'

const PEM = /-----BEGIN (\w+ )*PRIVATE KEY-----/

/** The members that are secret: RFC 7518 §6.2.2, §6.3.2, §6.4. */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** Returns the private parts of a key, as a JSON Web Key and a PEM file have them. */
export function privatePartsOf(pem: string): string[] {
  const key = createPrivateKey(pem)
  const jwk = Object.entries(key.export({ format: 'jwk' }))
  const members = jwk.flatMap(([name, value]) => (SECRET_MEMBERS.includes(name) ? String(value) : []))
  const lines = pem.split('\n').filter(line => line.length > 40 && !line.startsWith('-----'))
  return [...members, ...lines]
}

/** Returns what kind of private key a text contains; undefined where it has none. `parts` are those of a known key. */
export function findPrivateKey(text: string, parts: readonly string[]): string | undefined {
  if (PEM.test(text)) return 'a PEM block'
  if (parts.some(part => text.includes(part))) return 'a part of the signing key'
  if (!text.includes('"kty"')) return undefined
  try {
    return hasSecretMember(JSON.parse(text)) ? 'a secret member of a JSON Web Key' : undefined
  } catch {
    // Not JSON, so no JSON Web Key that a program could read.
    return undefined
  }
}

function hasSecretMember(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if ('kty' in value && SECRET_MEMBERS.some(name => typeof Reflect.get(value, name) === 'string')) return true
  return Object.values(value).some(hasSecretMember)
}
