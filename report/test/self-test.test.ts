/** The self-test of the report: its list applies to the sources as they are, and its verdicts are right. */
import { existsSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from '../generate.ts'
import { judge } from '../self-test/judge.ts'
import { harmless, sabotages, selectTrials } from '../self-test/list.ts'
import { hasPassed } from '../self-test/self-test.ts'
import type { Trial } from '../self-test/trial.ts'
import { textAfter } from '../self-test/workspace.ts'

const trials = [...sabotages, ...harmless]

describe('the list of trials', () => {
  it('has at least 100 sabotages and 20 harmless changes, each with a name of its own', () => {
    expect(sabotages.length).toBeGreaterThanOrEqual(100)
    expect(harmless.length).toBeGreaterThanOrEqual(20)
    expect(new Set(trials.map(({ name }) => name)).size).toBe(trials.length)
  })

  it('names for each sabotage at least one row that must turn', () => {
    const idle = sabotages.filter(({ turns, changed = [] }) => turns.length + changed.length === 0)
    expect(idle.map(({ name }) => name)).toEqual([])
  })

  it.each(trials)('applies to the sources as they are: $name', trial => {
    for (const [file, text] of Object.entries(textsOf(trial))) {
      if (file.endsWith('.ts')) expect(() => stripTypeScriptTypes(text)).not.toThrow()
      if (file.endsWith('.json')) expect(() => JSON.parse(text)).not.toThrow()
    }
  })

  it('fails where the text to replace is not there, or is there twice', () => {
    const file = 'a.ts'
    const change = { file, from: 'one', to: 'two' }
    expect(() => textAfter(change, () => 'three')).toThrow('a.ts has 0 times, not once: one')
    expect(() => textAfter(change, () => 'one one')).toThrow('a.ts has 2 times, not once: one')
  })

  it('is cut into ten parts', () => {
    const parts = Array.from({ length: 10 }, (_, tenth) => selectTrials({ tenth }))
    expect(parts.flat()).toHaveLength(trials.length)
    expect(selectTrials({ tenth: 13 })).toEqual(parts[3])
    expect(selectTrials({ only: '^harmless$' })).toEqual(harmless)
  })
})

/** Returns the texts of the changed files, by their names. */
function textsOf({ changes }: Trial): Record<string, string> {
  const texts: Record<string, string> = {}
  const read = (file: string) => texts[file] ?? readFileSync(join(ROOT, file), 'utf8')
  for (const change of changes) {
    if ('remove' in change) expect(existsSync(join(ROOT, change.remove))).toBe(true)
    else texts['add' in change ? change.add : change.file] = textAfter(change, read)
  }
  return texts
}

describe('a verdict', () => {
  const healthy = {
    'security/a': { state: 'pass', text: 'A (3 routes)' },
    'security/b': { state: 'pass', text: 'B' },
  } as const

  it('lists the rows that kept their tick, and those that turned without cause', () => {
    const found = { 'security/a': healthy['security/a'], 'security/b': { state: 'fail', text: 'B' } } as const
    expect(judge({ turns: ['security/a', 'security/c'] }, healthy, found)).toEqual({
      ticked: ['security/a'],
      absent: ['security/c'],
      alarms: ['security/b'],
    })
  })

  it('takes a row that is not verified for one that turned, and another count for none', () => {
    const found = {
      'security/a': { state: 'pass', text: 'A (12 routes)' },
      'security/b': { state: 'not verified', text: 'B (not verified: it is off)' },
    } as const
    const verdict = judge({ turns: ['security/b'] }, healthy, found)
    expect(verdict).toEqual({ ticked: [], absent: [], alarms: [] })
  })

  it('reads renamed texts as the old ones, and accepts either of two rows', () => {
    const found = {
      'security/x': { state: 'pass', text: 'A (3 routes)' },
      'security/b': { state: 'fail', text: 'B' },
    } as const
    const renames = [{ from: 'security/a', to: 'security/x' }]
    expect(judge({ turns: ['security/a|security/b'], renames }, healthy, found).ticked).toEqual([])
    expect(judge({ turns: ['security/a|security/b'], renames }, healthy, found).alarms).toEqual([])
  })

  it('is no success with a single false tick, false alarm or trial without a report', () => {
    const fine = { name: 'x', kind: 'y', ticked: [], absent: [], alarms: [], seconds: 1 }
    const many = Array.from({ length: 40 }, () => fine)
    expect(hasPassed({ trials: many })).toBe(true)
    expect(hasPassed({ trials: [...many, { ...fine, absent: ['security/c'] }] })).toBe(true)
    expect(hasPassed({ trials: [...many, { ...fine, ticked: ['security/a'] }] })).toBe(false)
    expect(hasPassed({ trials: [...many, { ...fine, alarms: ['security/a'] }] })).toBe(false)
    expect(hasPassed({ trials: [...many, { ...fine, error: 'no report' }] })).toBe(false)
  })
})
