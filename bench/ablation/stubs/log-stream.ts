/** Standard output, with a write for each line. */
import { destination } from 'pino'
import type { LogStream } from '../../../src/observability/log-stream.ts'

export function createLogStream(): LogStream {
  const output = destination({ sync: false })
  return Object.assign(output, {
    settle: async () => {},
    finish: () => output.flushSync(),
    dropped: () => 0,
  })
}
