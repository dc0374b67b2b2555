/** The length of the Markdown: a report of a whole service folds files and variables, a report of a change does not. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Report } from '../document/document.ts'
import type { Folder } from '../document/supplement.ts'
import { ROOT } from '../generate.ts'
import { lint } from '../lint/lint.ts'
import { MAX_LINES, renderMarkdown } from '../render/markdown.ts'
import { row, sampleReport } from './helpers/sample-report.ts'

const FOLDERS: Folder[] = [
  { path: 'src/', purpose: 'The service', file: 'README.md' },
  { path: 'src/notes/', purpose: 'Notes of users', file: 'src/notes/module.ts' },
  { path: 'tools/deep/', purpose: 'Deep tools', file: 'tools/deep/main.ts' },
]

const PATHS = [
  '.github/ci.yml',
  'package.json',
  'src/server.ts',
  ...many(9, index => `src/notes/file-${index}.ts`),
  ...many(149, index => `test/file-${index}.ts`),
  ...many(60, index => `tools/deep/file-${index}.ts`),
]

const VARIABLES = [
  row(['OTEL_REQUIRED', 'Needed', 'Yes']),
  ...many(40, index => row([`OTEL_OPTION_${index}`, `Option ${index}`, 'No'])),
  row(['OTEL_UNKNOWN', 'fails: not documented', 'No'], 'fail'),
]

describe('a report of a whole service', () => {
  it('gives a folder as one row, with its purpose, and a deeper one where its purpose is known', () => {
    const markdown = renderMarkdown(longReport())
    expect(filesOf(markdown)).toEqual([
      '| src/ (1 file) | The service |',
      '| src/notes/ (9 files) | Notes of users |',
      '| test/ (149 files) | file-0.ts, file-1.ts, file-2.ts, file-3.ts, file-4.ts and 144 more |',
      '| tools/deep/ (60 files) | Deep tools |',
      '| ./ (2 files) | .github/ci.yml, package.json |',
    ])
    expect(lint(markdown)).toEqual([])
  })

  it('has at most 200 lines, and folds variables before it folds folders of the source', () => {
    const markdown = renderMarkdown(longReport(120))
    expect(linesOf(markdown)).toBeLessThanOrEqual(MAX_LINES)
    expect(markdown).toContain('| OTEL_* (40 variables) | OTEL_OPTION_0, OTEL_OPTION_1, ')
    expect(markdown).toContain('| OTEL_REQUIRED | Needed | Yes |')
    expect(markdown).toContain('| OTEL_UNKNOWN | fails: not documented | No |')
    expect(markdown).toContain('| src/notes/ (9 files) | Notes of users |')
    expect(lint(markdown)).toEqual([])
  })

  it('says how many files of a folder were not verified', () => {
    const files = PATHS.map(path => row([path, 'x'], path.startsWith('src/notes/') ? 'not verified' : 'pass'))
    const markdown = renderMarkdown({ ...sampleReport({ files }), folders: FOLDERS })
    expect(markdown).toContain(
      '| src/notes/ (9 files) | Notes of users (9 not verified: no opening comment) |',
    )
  })

  it('has a row per file where that is short enough', () => {
    expect(renderMarkdown(sampleReport())).toContain('| src/orders.ts | The routes of orders |')
  })
})

it('has a row per file in a report of a change', () => {
  const report = longReport()
  report.range.base = { commit: 'abc', ref: 'main', dirty: false }
  const markdown = renderMarkdown(report)
  expect(filesOf(markdown)).toEqual(PATHS.map(path => `| ${path} | x |`))
  expect(markdown).toContain('| OTEL_OPTION_39 | Option 39 | No |')
})

function longReport(measures = 4): Report {
  const report = sampleReport({
    files: PATHS.map(path => row([path, 'x'])),
    environment: VARIABLES,
    security: many(measures, index => row([`Measure ${index}`])),
  })
  return { ...report, folders: FOLDERS }
}

function filesOf(markdown: string): string[] {
  const section = markdown.split('### Files Created / Modified\n')[1]?.split('\n\n', 1)[0] ?? ''
  return section.split('\n').slice(2)
}

function linesOf(markdown: string): number {
  return markdown.split('\n').length - 1
}

function many<Item>(count: number, item: (index: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => item(index))
}

describe('the published reports', () => {
  const PUBLISHED = ['REPORT.md', 'docs/report-of-a-change.md'].filter(name => existsSync(join(ROOT, name)))

  // A service that was made from this repository has published none yet.
  it.runIf(PUBLISHED.length > 0).each(PUBLISHED)('are valid and have at most 200 lines: %s', name => {
    const markdown = readFileSync(join(ROOT, name), 'utf8')
    expect(lint(markdown)).toEqual([])
    expect(linesOf(markdown)).toBeLessThanOrEqual(MAX_LINES)
  })
})
