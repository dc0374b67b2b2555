/** Shows on a terminal what is being done; elsewhere, where output is kept, nothing. */
import type { OnStep } from '../make.ts'

/** One line on standard error that is written over, with the seconds so far. */
export function createSteps(stream: NodeJS.WriteStream = process.stderr): OnStep {
  if (!stream.isTTY) return () => {}
  const start = performance.now()
  return step => {
    const seconds = ((performance.now() - start) / 1000).toFixed(0)
    // ECMA-48 EL: what was there before may have been longer.
    stream.write(step === '' ? '\r\u001b[K' : `\r\u001b[K  ${seconds.padStart(3)} s  ${step}`)
  }
}
