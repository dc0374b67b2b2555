/** One access-log line per request, as JSON on standard output, for the servers that log through pino-http. */
import type { IncomingMessage } from 'node:http'
import type { Options } from 'pino-http'

/** Returns pino-http's options. Its default writes every header, tokens included; this is less, and faster. */
export function accessLogOptions(): Options {
  return {
    serializers: {
      req: ({ id, method, url, remoteAddress }: IncomingMessage & Record<string, unknown>) => ({
        id,
        method,
        url,
        remoteAddress,
      }),
      res: ({ statusCode }: { statusCode: number }) => ({ statusCode }),
    },
  }
}
