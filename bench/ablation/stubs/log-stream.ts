/** Standard output, with a write for each line. */
import { destination } from 'pino'

export function createLogStream() {
  const output = destination({ sync: false })
  return Object.assign(output, {
    settle: async () => {},
    finish: () => output.flushSync(),
    dropped: () => 0,
  })
}
