/** Sabotages of access tokens: how they are signed, which ones are accepted, and for how long. */
import { edit, type Trial } from '../trial.ts'

const PLUGIN = 'src/modules/sessions/plugin.ts'
const TOKENS = 'src/modules/sessions/access-tokens.ts'
const JWKS = 'src/modules/sessions/jwks-routes.ts'

const HEADER = 'const token = readBearerToken(request.headers.authorization)\n    if (token === undefined)'

/** Accepts a token on a condition, without looking at its signature any further. `head` is its header. */
const acceptWhere = (condition: string) =>
  edit(
    PLUGIN,
    HEADER,
    `const parts = String(request.headers.authorization).slice(7).split('.')
    try {
      const [head, payload] = parts.slice(0, 2).map(part => JSON.parse(Buffer.from(part, 'base64url').toString()))
      const { createHmac } = await import('node:crypto')
      const { readFileSync } = await import('node:fs')
      if (${condition}) return payload
    } catch {}
    ${HEADER}`,
  )

const hmacWith = (key: string) =>
  `head.alg === 'HS256' && createHmac('sha256', ${key}).update(parts[0] + '.' + parts[1]).digest('base64url') === parts[2]`

export const tokens: Trial[] = [
  {
    name: 'HS256 with the published key is accepted',
    changes: [
      acceptWhere(hmacWith('[...keys.values()][0]')),
      edit(
        PLUGIN,
        'createAuthenticate(revocations, settings.accessTokenTtl)',
        'createAuthenticate(revocations, settings.accessTokenTtl, keys)',
      ),
      edit(
        PLUGIN,
        'function createAuthenticate(revocations: Revocations, lifetime: number)',
        'function createAuthenticate(revocations: Revocations, lifetime: number, keys: Map<string, string>)',
      ),
    ],
    turns: ['security/jwt-algorithm-confusion'],
    also: ['security/guards', 'security/jwt-forged'],
  },
  {
    name: 'a key id is read as the path of a key',
    changes: [acceptWhere(hmacWith("readFileSync('keys/' + head.kid)"))],
    turns: ['security/jwt-forged'],
    also: ['security/guards', 'security/jwt-algorithm-confusion'],
  },
  {
    name: 'unsigned tokens are accepted',
    changes: [acceptWhere('/^none$/i.test(head.alg)')],
    turns: ['security/jwt-forged'],
    also: ['security/guards'],
  },
  {
    name: 'the key in a token is trusted',
    changes: [
      edit(
        PLUGIN,
        'const { header } = token as { header: { kid?: unknown; crit?: unknown } }',
        `const { header } = token as { header: { kid?: unknown; crit?: unknown; jwk?: any } }
  const crypto = await import('node:crypto')
  if (header.jwk) return exportPem(crypto.createPublicKey({ key: header.jwk, format: 'jwk' }))`,
      ),
    ],
    turns: ['security/jwt-forged'],
  },
  {
    name: 'an unknown critical extension is ignored',
    changes: [edit(PLUGIN, 'key === undefined || header.crit !== undefined', 'key === undefined')],
    turns: ['security/jwt-forged'],
  },
  {
    name: 'tokens for another audience are accepted',
    changes: [edit(PLUGIN, 'allowedAud: settings.audience,', '')],
    turns: ['security/jwt-audience'],
  },
  {
    name: 'tokens of another issuer are accepted',
    changes: [edit(PLUGIN, 'allowedIss: settings.issuer,', '')],
    turns: ['security/jwt-audience'],
  },
  {
    name: 'tokens of another type are accepted',
    changes: [edit(PLUGIN, 'checkTyp: TOKEN_TYPE,', '')],
    turns: ['security/jwt-audience'],
  },
  {
    name: 'expiry is ignored',
    changes: [
      edit(PLUGIN, 'clockTolerance: CLOCK_SKEW_SECONDS * 1000', 'ignoreExpiration: true'),
      edit(PLUGIN, '&& !isExpired(cached.claims)', ''),
    ],
    turns: ['security/jwt-expiry'],
    also: ['security/token-lifetime', 'security/jwt-audience'],
  },
  {
    name: 'a token that was accepted before is accepted after its end',
    changes: [edit(PLUGIN, '&& !isExpired(cached.claims)', '')],
    turns: ['security/jwt-expiry'],
    also: ['security/token-lifetime'],
  },
  {
    name: 'tokens without an end are accepted',
    changes: [
      edit(PLUGIN, "'jti', 'iat', 'exp'],", "'jti', 'iat'],"),
      edit(TOKENS, "typeof exp === 'number' &&", ''),
      edit(
        TOKENS,
        'exp - iat <= lifetime / 1000',
        '(exp === undefined || (exp as number) - iat <= lifetime / 1000)',
      ),
    ],
    turns: ['security/jwt-expiry'],
    also: ['security/token-lifetime', 'security/jwt-audience'],
  },
  {
    name: 'access tokens live for a month',
    changes: [
      edit('src/config/schema.ts', "'Life of an access token', '15m'", "'Life of an access token', '30d'"),
    ],
    turns: ['security/jwt-signing'],
    also: ['security/token-lifetime', 'security/session-expiry', 'security/jwt-expiry'],
  },
  {
    name: 'a token may say that it is valid for years',
    changes: [edit(TOKENS, 'exp - iat <= lifetime / 1000', 'exp > iat')],
    turns: ['security/token-lifetime'],
  },
  {
    name: 'the published key set contains the private key',
    changes: [
      edit(
        JWKS,
        'const keySet = jwks(verificationKeys(jwt))',
        "const [first, ...rest] = jwks(verificationKeys(jwt)).keys\n  const keySet = { keys: [{ ...first, ...jwt.privateKey.export({ format: 'jwk' }) }, ...rest] } as never",
      ),
      edit(JWKS, ', response: { 200: Jwks }', ''),
    ],
    turns: ['security/jwks-private'],
  },
  {
    name: 'the signing key is not published',
    changes: [
      edit(
        JWKS,
        'const keySet = jwks(verificationKeys(jwt))',
        'const keySet = jwks(new Map([...verificationKeys(jwt)].slice(1)))',
      ),
    ],
    turns: ['security/jwt-signing'],
    also: ['security/jwks-private'],
  },
  {
    name: 'a token in the address is accepted',
    changes: [
      edit(
        PLUGIN,
        HEADER,
        'const { access_token: given } = request.query as { access_token?: string }\n    if (given) request.raw.headers.authorization = request.headers.authorization = `Bearer ${given}`\n    ' +
          HEADER,
      ),
    ],
    turns: ['security/undeclared-input'],
  },
].map(trial => ({ kind: 'tokens', ...trial }))
