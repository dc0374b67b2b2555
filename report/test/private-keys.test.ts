/** What the report takes for private key material. */
import { describe, expect, it } from 'vitest'
import { createSigningKey } from '../../harness/signing-key.ts'
import { findPrivateKey, privatePartsOf } from '../security/private-keys.ts'

const { privateKey } = createSigningKey()
const parts = privatePartsOf(privateKey)

describe('findPrivateKey', () => {
  it('finds a PEM block, also of an encrypted key', () => {
    expect(findPrivateKey('-----BEGIN PRIVATE KEY-----', [])).toBe('a PEM block')
    expect(findPrivateKey('{"pem":"-----BEGIN ENCRYPTED PRIVATE KEY-----\\n"}', [])).toBe('a PEM block')
  })

  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'])('finds the member %s of a key, at any depth', name => {
    const text = JSON.stringify({ data: { keys: [{ kty: 'RSA', n: 'x', [name]: 'secret' }] } })
    expect(findPrivateKey(text, [])).toBe('a secret member of a JSON Web Key')
  })

  it('finds the parts of the known key in any text', () => {
    expect(parts.length).toBeGreaterThan(10)
    for (const part of parts) expect(findPrivateKey(`x=${part};`, parts)).toBe('a part of the signing key')
  })

  it('accepts public keys, and members of these names elsewhere', () => {
    expect(findPrivateKey('{"keys":[{"kty":"RSA","n":"x","e":"AQAB"}]}', parts)).toBeUndefined()
    expect(findPrivateKey('{"q":"a search","d":"2026-01-31"}', parts)).toBeUndefined()
    expect(findPrivateKey('-----BEGIN PUBLIC KEY-----', parts)).toBeUndefined()
  })
})
