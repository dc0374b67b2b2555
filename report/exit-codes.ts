/** The exit codes of all commands: one table, for the program and for its help. */
import type { Report } from './document/document.ts'

export const EXIT = {
  OK: 0,
  FAILED: 1,
  NOT_VERIFIED: 3,
  SLOWER: 4,
  USAGE: 64,
  UNAVAILABLE: 69,
  INTERRUPTED: 130,
} as const

/** 64 and 69 are EX_USAGE and EX_UNAVAILABLE of sysexits.h; 130 is 128 + SIGINT. */
const MEANINGS: Record<keyof typeof EXIT, string> = {
  OK: 'every row passed; a row that was asked not to be measured counts as passed',
  FAILED: 'a row failed; verify: the document is not true; lint: it is not valid',
  NOT_VERIFIED: 'no row failed, but some could not be verified',
  SLOWER: 'with --since: no row failed, except that something became slower',
  USAGE: 'wrong usage',
  UNAVAILABLE: 'the report cannot be generated, or a file cannot be read',
  INTERRUPTED: 'interrupted',
}

/** Returns one line for each code. */
export function describeExitCodes(): string {
  return Object.entries(EXIT)
    .map(([name, code]) => `  ${String(code).padEnd(4)} ${MEANINGS[name as keyof typeof EXIT]}`)
    .join('\n')
}

/** Returns the exit code of a report. With the bench `none` nothing was to be measured. */
export function exitCodeOf({ sections }: Pick<Report, 'sections'>, bench: string): number {
  const states = sections.flatMap(({ id, rows }) =>
    rows.map(({ state, change }) => {
      if (state === 'fail') return change === 'slower' ? 'slower' : 'fail'
      return id === 'performance' && bench === 'none' ? 'pass' : state
    }),
  )
  if (states.includes('fail')) return EXIT.FAILED
  if (states.includes('slower')) return EXIT.SLOWER
  return states.includes('not verified') ? EXIT.NOT_VERIFIED : EXIT.OK
}
