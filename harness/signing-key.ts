/** Keys for services that live for one run. */
import { generateKeyPairSync } from 'node:crypto'

/** Returns a fresh RSA key pair as PEM, of the size that most services use. It takes 50 ms and more. */
export function createSigningKey(): { privateKey: string; publicKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
}
