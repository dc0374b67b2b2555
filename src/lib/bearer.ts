/** Reads the access token out of an Authorization header, in the one spelling that a token has. */

/** Our tokens have 750 characters with a key of 2048 bits, and 1,100 with one of 4096. */
const HEADER_MAX = 4096

/** RFC 6750 §2.1: the scheme, in any case (RFC 9110 §11.1), spaces, and the token; of a JWT's three parts. */
const BEARER = /^bearer +([\w-]+)\.([\w-]+)\.([\w-]+)$/i

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The token; undefined where the header is not there, has another form, or spells a token in another way. */
export function readBearerToken(header: unknown): string | undefined {
  if (typeof header !== 'string' || header.length > HEADER_MAX) return undefined
  const [, ...parts] = BEARER.exec(header) ?? []
  return parts.length === 3 && parts.every(isCanonical) ? parts.join('.') : undefined
}

/**
 * RFC 4648 §3.5: the last character holds bits that encode nothing, which must be zero. Decoders ignore them, so that
 * a signature of 256 bytes has 16 spellings.
 */
function isCanonical(part: string): boolean {
  const last = BASE64URL.indexOf(part.at(-1) ?? '')
  const unused = [1, Number.NaN, 16, 4][part.length % 4] ?? Number.NaN
  return last % unused === 0
}
