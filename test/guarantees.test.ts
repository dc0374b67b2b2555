/** GUARANTEES.md and the tests agree: each guarantee has its tests, and each number in a test is listed. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CORE_MODULES } from './helpers/documents.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** The folders with tests. Those of the bench and the report may have been removed. */
const FOLDERS = ['test', 'checks/test', 'bench/test', 'report/test'].filter(folder =>
  existsSync(join(ROOT, folder)),
)
/** Matches the beginning of a name of a test or a group of tests: one or more numbers. */
const TEST_NAME = /['"`]((?:P\d+, )*P\d+): /g
/** Numbers from 50 on are percentiles. */
const MENTION = /\bP[1-4]?\d\b/g

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

function sourcesIn(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
  return names.filter(name => name.endsWith('.ts')).map(name => join(folder, name))
}

/** Returns the guarantees that the names of a file's tests state. */
function provedIn(path: string): Set<string> {
  return new Set([...read(path).matchAll(TEST_NAME)].flatMap(([, numbers = '']) => numbers.split(', ')))
}

const guarantees = read('GUARANTEES.md')
  .split(/^### /m)
  .slice(1)
  .map(section => ({
    number: /^P\d+(?=: \S)/.exec(section)?.[0] ?? '',
    section,
    tests: [...section.matchAll(/\]\(([^)]+\.test\.ts)\)/g)].map(([, path = '']) => path),
  }))

function isOfCore(path: string): boolean {
  const [, module] = /^test\/modules\/([^/]+)/.exec(path) ?? []
  return module === undefined || CORE_MODULES.includes(module)
}

const testFiles = FOLDERS.flatMap(sourcesIn).filter(path => path.endsWith('.test.ts'))

describe.each(guarantees)('$number in GUARANTEES.md', ({ number, section, tests }) => {
  it('has a number of its own, and names its sources', () => {
    expect(number).not.toBe('')
    expect(guarantees.filter(other => other.number === number)).toHaveLength(1)
    expect(section).toMatch(/^- Source: \S/m)
  })

  it('links exactly the files whose test names state it, except those of removable modules', () => {
    const proving = testFiles.filter(path => provedIn(path).has(number))
    expect([...tests].sort()).toEqual(proving.filter(isOfCore).sort())
    expect(tests).not.toEqual([])
  })
})

it('every guarantee that the source code mentions is in GUARANTEES.md', () => {
  const known = new Set(guarantees.map(({ number }) => number))
  const mentions = ['src', ...FOLDERS]
    .flatMap(sourcesIn)
    .flatMap(path => [...read(path).matchAll(MENTION)].map(([number]) => ({ path, number })))
  expect(mentions.length).toBeGreaterThan(100)
  expect(mentions.filter(({ number }) => !known.has(number))).toEqual([])
})
