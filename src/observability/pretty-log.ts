/** Log lines for a person at a terminal. */
import { ifInstalled } from '../process/if-installed.ts'
import type { LogStream } from './log-stream.ts'

/** What is in the message already, or of no use to a person. */
const IGNORED = 'requestId,traceId,ip,method,route,path,status,durationMs,userId,code'

/** Returns a stream that writes each line for a person, as soon as it is there; undefined where pino-pretty is not installed. */
export async function prettify(stream: LogStream): Promise<LogStream | undefined> {
  const pretty = await ifInstalled(() => import('pino-pretty'))
  if (pretty === undefined) return undefined
  const toText = pretty.prettyFactory({
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: IGNORED,
    messageFormat: messageOf,
  })
  return {
    ...stream,
    write(line) {
      stream.write(toText(line))
      stream.flush()
    },
  }
}

/** The message; that of a request with what a person wants to know of it. */
function messageOf({ msg = '', method, path, status, code, durationMs }: Record<string, unknown>): string {
  if (status === undefined) return String(msg)
  return `${msg}: ${method} ${path} ${status}${code ? ` ${code}` : ''} in ${durationMs} ms`
}
