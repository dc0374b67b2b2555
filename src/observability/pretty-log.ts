/** Formats log lines for a person at a terminal. */
import { ifInstalled } from '../process/if-installed.ts'
import type { LogStream } from './log-stream.ts'

/** Fields that the message has already, or that a person does not need. */
const IGNORED = 'requestId,traceId,ip,method,route,path,status,durationMs,userId,code'

/** Returns a stream that formats each line and writes it at once; undefined where pino-pretty is not installed. */
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

/** Returns the message; for a request, with its method, path, status and duration. */
function messageOf({ msg = '', method, path, status, code, durationMs }: Record<string, unknown>): string {
  if (status === undefined) return String(msg)
  return `${msg}: ${method} ${path} ${status}${code ? ` ${code}` : ''} in ${durationMs} ms`
}
