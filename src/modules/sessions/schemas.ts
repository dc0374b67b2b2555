/** The schemas of requests and responses of sessions. */
import { type Static, Type } from '@sinclair/typebox'
import { Email, Instant, Password, Strict, Uuid } from '../../lib/schemas.ts'
import { TOKEN_LENGTH } from './refresh-tokens.ts'

const RefreshToken = Type.String({
  minLength: TOKEN_LENGTH,
  maxLength: TOKEN_LENGTH,
  pattern: '^[A-Za-z0-9_-]+$',
  description: 'A refresh token of a login or refresh',
  examples: ['q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA'],
})

export const LoginBody = Strict({ email: Email, password: Password })

/** `cookie` selects browser mode: the refresh token is in a cookie that scripts cannot read. */
export const LoginQuery = Strict({ cookie: Type.Optional(Type.Boolean({ default: false })) })

export const TokenReply = Strict({
  accessToken: Type.String({
    examples: ['eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMTk3In0.c2ln'],
  }),
  refreshToken: Type.Optional(RefreshToken),
  tokenType: Type.Literal('Bearer'),
  expiresIn: Type.Integer({ description: 'Lifetime of the access token in seconds', examples: [900] }),
  csrfToken: Type.Optional(
    Type.String({
      description: 'To send in the X-CSRF-Token header; the same for the whole session. Only in browser mode',
      examples: ['6f3a1c52-3c0f-4d7c-9f0e-0c6f6f1b9a55'],
    }),
  ),
})

export const CsrfReply = Strict({
  csrfToken: Type.String({ examples: ['6f3a1c52-3c0f-4d7c-9f0e-0c6f6f1b9a55'] }),
})

/** In browser mode the token is in the cookie, and the body is `{}`. */
export const RefreshBody = Strict({ refreshToken: Type.Optional(RefreshToken) })

export const Session = Strict({
  id: Uuid,
  createdAt: Instant,
  lastUsedAt: Instant,
  expiresAt: Instant,
  ip: Type.String({ examples: ['203.0.113.7'] }),
  userAgent: Type.String({ examples: ['curl/8.14.1'] }),
  current: Type.Boolean({
    description: 'Whether this is the session of the request',
    examples: [true],
  }),
})

/** A JSON Web Key Set (RFC 7517). */
export const Jwks = Strict({
  keys: Type.Array(
    Strict({
      kty: Type.Literal('RSA'),
      use: Type.Literal('sig'),
      alg: Type.Literal('RS256'),
      kid: Type.String({ examples: ['NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'] }),
      n: Type.String({
        description: 'The modulus',
        examples: ['0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM7'],
      }),
      e: Type.String({ description: 'The exponent', examples: ['AQAB'] }),
    }),
  ),
})

export type LoginBody = Static<typeof LoginBody>
