/** Loaded into the real process with `--expose-gc --import`: SIGUSR2 collects garbage and prints the bytes of heap in use. */
import { writeSync } from 'node:fs'

const STDERR = 2

process.on('SIGUSR2', () => {
  globalThis.gc?.()
  writeSync(STDERR, String(process.memoryUsage().heapUsed))
})
