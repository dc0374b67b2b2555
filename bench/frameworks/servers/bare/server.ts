/** The reference: node:http and pg, one prepared query, and nothing else. No authentication, no checks, no logs. */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { verify } from '@node-rs/argon2'
import pg from 'pg'

const usersPath = '/api/v1/users/'
const loginPath = '/api/v1/auth/login'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, idleTimeoutMillis: 30_000 })

const server = createServer((request, response) => {
  route(request, response).catch(() => respond(response, 500, {}))
})
server.listen(Number(process.env.PORT), process.env.HOST)

async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { url = '' } = request
  if (url.startsWith(usersPath)) return getUser(url.slice(usersPath.length), response)
  if (url === loginPath) return login(request, response)
  respond(response, url === '/health' ? 200 : 404, {})
}

async function getUser(id: string, response: ServerResponse): Promise<void> {
  const { rows } = await pool.query({
    name: 'find_user',
    text: 'select id, display_name as "displayName", created_at as "createdAt" from users where id = $1',
    values: [id],
  })
  respond(response, rows.length === 0 ? 404 : 200, rows[0] ?? {})
}

async function login(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = ''
  for await (const chunk of request) body += chunk
  const { email, password } = JSON.parse(body)
  const { rows } = await pool.query<{ password_hash: string }>({
    name: 'find_hash',
    text: 'select password_hash from users where lower(email) = lower($1)',
    values: [email],
  })
  const isMatch = rows[0] !== undefined && (await verify(rows[0].password_hash, password))
  if (!isMatch) return respond(response, 401, {})
  respond(response, 200, {
    accessToken: randomBytes(32).toString('base64url'),
    refreshToken: randomBytes(32).toString('base64url'),
    tokenType: 'Bearer',
    expiresIn: 900,
  })
}

function respond(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}
