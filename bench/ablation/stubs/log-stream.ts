/** Standard output, with a write for each line. */
import { destination } from 'pino'
import type { LogStream } from '../../../src/lib/log-stream.ts'

export function createLogStream(): LogStream {
  return Object.assign(destination({ sync: false }), { settle: async () => {} })
}
