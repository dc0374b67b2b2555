/** Proves that the report tells the truth when the service is broken on purpose, and leaves the other rows alone. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { Report } from '../../report/document/document.ts'
import { differences, reportOf, textsOf } from '../helpers/report.ts'
import { GROUPS, type Mutation } from './mutations.ts'

let sound: Report
const reports: Report[] = []

beforeAll(async () => {
  // Two at a time: a report waits for its slow probes half of the time.
  const [first, ...groups] = await pairwise([
    () => reportOf(),
    ...GROUPS.map(group => () => brokenReport(group)),
  ])
  if (!first) throw new Error('no report')
  sound = first
  reports.push(...groups)
}, 180_000)

function brokenReport(mutations: readonly Mutation[]): Promise<Report> {
  return reportOf({
    replacements: mutations.flatMap(({ replacements }) => replacements),
    prepare: async database => {
      for (const { sql } of mutations) if (sql !== undefined) await database.query(sql)
    },
  })
}

async function pairwise<T>(tasks: (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = []
  const queue = [...tasks.entries()]
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) results[next[0]] = await next[1]()
  }
  await Promise.all([work(), work()])
  return results
}

it('says of the sound service that nothing fails', () => {
  const failing = [...textsOf(sound)].filter(([, text]) => text.startsWith('fail'))
  expect(failing).toEqual([])
})

describe.each(GROUPS.map((mutations, index) => ({ mutations, index })))(
  'broken service $index',
  ({ mutations, index }) => {
    const report = () => reports[index] as Report

    it.each(mutations)('$name: the very rows turn', ({ broken, changed = [] }) => {
      const now = textsOf(report())
      for (const key of broken.map(named)) expect(`${key} ${now.get(key)}`).toMatch(/ (fail|not verified): /)
      const before = textsOf(sound)
      for (const key of changed.map(named)) expect(now.get(key)).not.toBe(before.get(key))
    })

    it('leaves the other rows alone', () => {
      expect(differences(sound, report())).toEqual(mutations.flatMap(rowsOf).map(named).sort())
    })
  },
)

function rowsOf({ broken, changed = [] }: Mutation): string[] {
  return [...broken, ...changed]
}

/** The last migration has a name that changes with every one that is added. */
function named(key: string): string {
  if (key !== 'database/*last') return key
  const migrations = [...textsOf(sound).keys()].filter(other => other.startsWith('database/'))
  return migrations.at(-1) ?? key
}
