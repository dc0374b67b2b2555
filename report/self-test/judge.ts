/** Judges the report of a changed service: which rows turned, which did not, and which turned without cause. */
import type { FoundRow, FoundRows } from './run-trial.ts'
import type { Trial } from './trial.ts'

export type Verdict = {
  /** Rows that cover the fault and still have a tick: false ticks. */
  ticked: string[]
  /** Rows that ought to cover the fault, and are not in the report. */
  absent: string[]
  /** Rows that turned without cause: false alarms. */
  alarms: string[]
}

type Expected = Pick<Trial, 'turns' | 'changed' | 'also' | 'renames'>

/** Returns the verdict on the rows of a changed service, compared with those of the healthy one. */
export function judge(trial: Expected, healthy: FoundRows, changedRows: FoundRows): Verdict {
  const { turns, changed = [], also = [], renames } = trial
  const found = withOldNames(changedRows, renames)
  const isThere = (key: string) => key in found || key in healthy
  const hasTurned = (key: string) => key in found && found[key]?.state !== 'pass'
  const choices = turns.map(names => names.split('|'))
  const unturned = choices.filter(keys => keys.some(isThere) && !keys.some(hasTurned))
  const unchanged = changed.filter(key => isThere(key) && isSame(healthy[key], found[key]))
  const expected = [...choices.flat(), ...changed, ...also]
  const isExpected = (key: string) =>
    expected.some(name => (name.endsWith('*') ? key.startsWith(name.slice(0, -1)) : key === name))
  return {
    ticked: [...unturned.map(keys => keys.filter(isThere).join(' or ')), ...unchanged],
    absent: [
      ...turns.filter(names => !names.split('|').some(isThere)),
      ...changed.filter(key => !isThere(key)),
    ],
    alarms: [...new Set([...Object.keys(healthy), ...Object.keys(found)])]
      .filter(key => !isExpected(key) && !isSimilar(healthy[key], found[key]))
      .sort(),
  }
}

/** Returns the rows with the old form of each text that was renamed. */
export function withOldNames(rows: FoundRows, renames: Trial['renames'] = []): FoundRows {
  const rename = (text: string) => renames.reduce((all, { from, to }) => all.replaceAll(to, from), text)
  return Object.fromEntries(
    Object.entries(rows).map(([key, row]) => [rename(key), { ...row, text: rename(row.text) }]),
  )
}

/** Returns whether each row that had to turn did so. */
export function isRight({ ticked, absent }: Verdict): boolean {
  return ticked.length === 0 && absent.length === 0
}

function isSame(a: FoundRow | undefined, b: FoundRow | undefined): boolean {
  return a?.state === b?.state && a?.text === b?.text
}

/** A sentence that still has its tick may count more or fewer routes than before. */
function isSimilar(a: FoundRow | undefined, b: FoundRow | undefined): boolean {
  if (a === undefined || b === undefined || a.state !== b.state) return a === b
  return withoutNumbers(a.text) === withoutNumbers(b.text)
}

function withoutNumbers(text: string): string {
  return text.replaceAll(/\d+/g, '#')
}
