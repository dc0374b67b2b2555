/** What the auth routes take and answer. */
import { type Static, Type } from '@sinclair/typebox'
import { Instant, Strict, Uuid } from '../../lib/schemas.ts'
import { DisplayName, Email, User } from '../users/schemas.ts'
import { PASSWORD_MAX, PASSWORD_MIN } from './passwords.ts'
import { TOKEN_LENGTH } from './refresh-tokens.ts'

/** Unicode as typed (NIST SP 800-63B §3.1.1.2); NUL and lone surrogates could not be told from other text. */
const Password = Type.String({
  minLength: PASSWORD_MIN,
  maxLength: PASSWORD_MAX,
  pattern: '^[^\\u0000\\p{Cs}]*$',
  examples: ['correct horse battery staple'],
})

const RefreshToken = Type.String({
  minLength: TOKEN_LENGTH,
  maxLength: TOKEN_LENGTH,
  pattern: '^[A-Za-z0-9_-]+$',
  examples: ['q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA'],
})

export const RegisterBody = Strict({ email: Email, password: Password, displayName: DisplayName })
export const RegisterReply = Strict({ user: User })

export const LoginBody = Strict({
  email: Email,
  // No shorter, longer or refused text can be anyone's password, but a login does not say so.
  password: Type.String({
    minLength: 1,
    maxLength: PASSWORD_MAX,
    pattern: '^[^\\u0000\\p{Cs}]*$',
    examples: ['correct horse battery staple'],
  }),
})

/** Browser mode: the refresh token travels in a cookie that scripts cannot read. */
export const LoginQuery = Strict({ cookie: Type.Optional(Type.Boolean({ default: false })) })

export const TokenReply = Strict({
  accessToken: Type.String({ description: 'A JWT (RFC 9068)', examples: ['eyJhbGciOiJSUzI1NiIsInR5…'] }),
  refreshToken: Type.Optional(RefreshToken),
  tokenType: Type.Literal('Bearer'),
  expiresIn: Type.Integer({ description: 'Seconds that the access token lives', examples: [900] }),
  csrfToken: Type.Optional(
    Type.String({
      description: 'To be sent back as X-CSRF-Token; only in browser mode',
      examples: ['y8Oa0JvP-uF7Pn1V7nPp8kJmC3p0'],
    }),
  ),
})

/** In browser mode the cookie holds the token, and the body is `{}`. */
export const RefreshBody = Strict({ refreshToken: Type.Optional(RefreshToken) })

export const PasswordBody = Strict({ currentPassword: LoginBody.properties.password, newPassword: Password })

export const Session = Strict({
  id: Uuid,
  createdAt: Instant,
  lastUsedAt: Instant,
  expiresAt: Instant,
  ip: Type.String({ examples: ['203.0.113.7'] }),
  userAgent: Type.String({ examples: ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0)'] }),
  current: Type.Boolean({ description: 'Whether the request was made with this session' }),
})

/** RFC 7517. */
export const Jwks = Strict({
  keys: Type.Array(
    Strict({
      kty: Type.Literal('RSA'),
      use: Type.Literal('sig'),
      alg: Type.Literal('RS256'),
      kid: Type.String({ examples: ['NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'] }),
      n: Type.String({
        examples: ['0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aP'],
      }),
      e: Type.String({ examples: ['AQAB'] }),
    }),
  ),
})

export type RegisterBody = Static<typeof RegisterBody>
export type LoginBody = Static<typeof LoginBody>
export type PasswordBody = Static<typeof PasswordBody>
