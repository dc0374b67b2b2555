/** The message of a start in development: the addresses of the service, in a form that works in browsers. */
import { lookup } from 'node:dns/promises'
import { SERVICE_TITLE } from '../config/service-name.ts'

/**
 * Returns the origin to print: with `localhost` where that name leads to the listener, else its own. Front ends in
 * development are served from `localhost`, and for a browser's cookies `127.0.0.1` is another site.
 */
export async function originForPeople(origin: string): Promise<string> {
  const { protocol, hostname, port } = new URL(origin)
  const address = hostname.replace(/^\[(.*)\]$/, '$1')
  const found = await lookup('localhost', { all: true }).catch(() => [])
  const isEverywhere = address === '0.0.0.0' || address === '::'
  const isListening = found.some(local => local.address === address) || (isEverywhere && found.length > 0)
  return isListening ? `${protocol}//localhost:${port || '80'}` : origin
}

/** Returns the text for a person who starts the service for the first time. */
export function welcome(origin: string, { hasDocs }: { hasDocs: boolean }): string {
  const json = `-H 'content-type: application/json'`
  return `
  ${SERVICE_TITLE} is ready.

    API      ${origin}/api/v1
${hasDocs ? `    Docs     ${origin}/docs\n` : ''}\
    Health   ${origin}/health/live  ${origin}/health/ready

    A first token:
      curl ${origin}/api/v1/auth/register ${json} \\
        -d '{"email":"ada@example.com","password":"correct horse battery staple","displayName":"Ada"}'
      curl ${origin}/api/v1/auth/login ${json} \\
        -d '{"email":"ada@example.com","password":"correct horse battery staple"}'

`
}
