/** Creates certificates for a TLS server in a test, in DER (RFC 5280): Node.js can read certificates, but not create them. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { isIP } from 'node:net'

const DAY_MS = 86_400_000

/** Tags of ASN.1 (X.690). */
const TAG = {
  boolean: 1,
  integer: 2,
  bits: 3,
  octets: 4,
  oid: 6,
  utf8: 12,
  time: 23,
  sequence: 0x30,
  set: 0x31,
}

/** Object identifiers, encoded: the signature, the common name, the CA's mark, and the names of a server. */
const ECDSA_SHA256 = der(TAG.oid, Buffer.from('2a8648ce3d040302', 'hex'))
const COMMON_NAME = der(TAG.oid, Buffer.from('550403', 'hex'))
const BASIC_CONSTRAINTS = der(TAG.oid, Buffer.from('551d13', 'hex'))
const ALTERNATIVE_NAMES = der(TAG.oid, Buffer.from('551d11', 'hex'))

const TRUE = der(TAG.boolean, Buffer.of(0xff))

/** A certificate and its key, as PEM. */
export type Certificate = { certificate: string; key: string }

/** Creates a CA, which issues certificates of servers. They are valid from `from` to `to` days from now. */
export function createAuthority() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const isAuthority = sequence(BASIC_CONSTRAINTS, TRUE, der(TAG.octets, sequence(TRUE)))
  return {
    certificate: certify({ subject: 'Test CA', publicKey, extension: isAuthority, signer: privateKey }),
    /** For these host names and IPv4 addresses. */
    sign(names: string[], validity = { from: -1, to: 1 }): Certificate {
      const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const extension = sequence(ALTERNATIVE_NAMES, der(TAG.octets, sequence(...names.map(alternativeName))))
      const { publicKey } = own
      return {
        certificate: certify({
          subject: 'Test server',
          publicKey,
          extension,
          signer: privateKey,
          ...validity,
        }),
        key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      }
    },
  }
}

type Contents = {
  subject: string
  publicKey: KeyObject
  extension: Buffer
  signer: KeyObject
  from?: number
  to?: number
}

function certify({ subject, publicKey, extension, signer, from = -1, to = 1 }: Contents): string {
  const algorithm = sequence(ECDSA_SHA256)
  const contents = sequence(
    // Version 3, and any serial number.
    der(0xa0, der(TAG.integer, Buffer.of(2))),
    der(TAG.integer, Buffer.of(1)),
    algorithm,
    commonName('Test CA'),
    sequence(time(from), time(to)),
    commonName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension)),
  )
  const signature = der(TAG.bits, Buffer.of(0), sign('sha256', contents, signer))
  const lines =
    sequence(contents, algorithm, signature)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

function commonName(name: string): Buffer {
  return sequence(der(TAG.set, sequence(COMMON_NAME, der(TAG.utf8, Buffer.from(name)))))
}

function alternativeName(name: string): Buffer {
  return isIP(name) === 4 ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name))
}

function time(days: number): Buffer {
  const digits = new Date(Date.now() + days * DAY_MS).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return der(TAG.time, Buffer.from(digits.slice(2)))
}

function sequence(...contents: Buffer[]): Buffer {
  return der(TAG.sequence, ...contents)
}

function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}
