/** Shows the current step on a terminal. */
import type { OnStep } from '../generate.ts'

/** Returns a function that replaces a line on standard error with the step and the seconds so far. */
export function createSteps(stream: NodeJS.WriteStream = process.stderr): OnStep {
  if (!stream.isTTY) return () => {}
  const start = performance.now()
  return step => {
    const seconds = ((performance.now() - start) / 1000).toFixed(0)
    // ECMA-48 EL erases the rest of the line: the previous step may be longer.
    stream.write(step === '' ? '\r\u001b[K' : `\r\u001b[K  ${seconds.padStart(3)} s  ${step}`)
  }
}
