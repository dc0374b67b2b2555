/** `node server.ts <layer>`: the look-up and the list over bare node:http, so that only the data layer differs. */
import { createServer, type ServerResponse } from 'node:http'
import type { Connect, Position } from './layer.ts'

/** As many as `pg` opens by itself. */
const poolSize = 10
const pageSize = 20
const usersPath = '/users/'

const [name] = process.argv.slice(2)
const { connect }: { connect: Connect } = await import(`./layers/${name}.ts`)
const layer = await connect({ url: process.env.DATABASE_URL ?? '', poolSize })

const server = createServer((request, response) => {
  route(request.url ?? '', response).catch(error => {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
    respond(response, 500, {})
  })
})
server.listen(Number(process.env.PORT), process.env.HOST)

async function route(url: string, response: ServerResponse): Promise<void> {
  if (url.startsWith(usersPath)) return getUser(url.slice(usersPath.length), response)
  if (url.startsWith('/users')) return listUsers(url, response)
  respond(response, url === '/health' ? 200 : 404, {})
}

async function getUser(id: string, response: ServerResponse): Promise<void> {
  const user = await layer.findUser(id)
  respond(response, user ? 200 : 404, user ?? {})
}

async function listUsers(url: string, response: ServerResponse): Promise<void> {
  const items = await layer.listUsers(pageSize, positionOf(url))
  const last = items.length === pageSize ? items.at(-1) : undefined
  respond(response, 200, { items, next: last ? `${last.createdAt.toISOString()}_${last.id}` : null })
}

/** The position after `?after=`: an instant and an id. */
function positionOf(url: string): Position | undefined {
  const [, after] = url.split('?after=')
  if (after === undefined) return undefined
  const [createdAt = '', id = ''] = decodeURIComponent(after).split('_')
  return { createdAt: new Date(createdAt), id }
}

function respond(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}
