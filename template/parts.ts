/** The parts of the repository that a service can do without. */
import type { Files } from './staging.ts'

type Part = {
  about: string
  /** Its folder, and other files. */
  places: readonly string[]
}

export const PARTS: Readonly<Record<string, Part>> = {
  bench: { about: 'the benchmark runner', places: ['bench'] },
  report: {
    about: 'the Backend Implementation Report',
    places: ['report', 'report.config.ts', 'REPORT.md', 'docs/report-of-a-change.md'],
  },
  template: { about: 'this tool', places: ['template'] },
}

/** Folders that only serve others: they go with the last file that imports them. */
export const SHARED = ['harness']

/** Returns the parts that a checkout has. */
export function partsIn(files: Files): string[] {
  return Object.keys(PARTS).filter(name => files.has(PARTS[name]?.places[0] ?? ''))
}
