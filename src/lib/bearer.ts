/** Reads the access token of an Authorization header, and accepts only its canonical spelling. */

/** Our tokens have 750 characters with a key of 2048 bits, and 1,100 with one of 4096. */
const HEADER_MAX = 4096

/** RFC 6750 §2.1: the scheme in any case (RFC 9110 §11.1), spaces, and the three parts of a JWT. */
const BEARER = /^bearer +([\w-]+)\.([\w-]+)\.([\w-]+)$/i

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Returns the token; undefined where the header is missing, has another form, or another spelling of a token. */
export function readBearerToken(header: unknown): string | undefined {
  if (typeof header !== 'string' || header.length > HEADER_MAX) return undefined
  const [, ...parts] = BEARER.exec(header) ?? []
  return parts.length === 3 && parts.every(isCanonical) ? parts.join('.') : undefined
}

/**
 * Returns whether a part is in canonical base64url (RFC 4648 §3.5): the unused bits of its last character are zero.
 * Decoders ignore these bits: a signature of 256 bytes has 16 spellings.
 */
function isCanonical(part: string): boolean {
  const last = BASE64URL.indexOf(part.at(-1) ?? '')
  const unused = [1, Number.NaN, 16, 4][part.length % 4] ?? Number.NaN
  return last % unused === 0
}
