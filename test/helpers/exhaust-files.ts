/** Loaded into the real process with `--import`: SIGUSR2 opens files until no more can be opened, and closes them 3 s later. */
import { closeSync, openSync } from 'node:fs'

const HELD_MS = 3000

process.on('SIGUSR2', () => {
  const files: number[] = []
  try {
    while (files.length < 100_000) files.push(openSync('/dev/null', 'r'))
  } catch (error) {
    process.stderr.write(`${(error as NodeJS.ErrnoException).code}\n`)
  }
  setTimeout(() => files.forEach(file => void closeSync(file)), HELD_MS)
})
