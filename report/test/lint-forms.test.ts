/** Lint accepts a report in every form that formatters give it, and --fix gives back the original bytes. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fix, lint } from '../lint/lint.ts'
import { renderMarkdown } from '../render/markdown.ts'
import { row, sampleReport } from './helpers/sample-report.ts'

const NOW = new Date('2026-02-01T00:00:00Z')

/** Texts with every character that Markdown gives a meaning. */
const WORDS = [
  ...[
    'orders',
    'Orders',
    'of',
    'a|b',
    '__proto__',
    '*all*',
    '`<id>`',
    '`a|b`',
    '<b>',
    'm_n_o',
    '\\d+',
    '&lt;',
  ],
  ...[
    'https://example.com/a_b',
    '(12 routes)',
    '#1',
    '~',
    '–',
    "user's",
    '10 % more',
    '/v1/*',
    '[a]',
    '!',
    'é',
  ],
]
const text = fc
  .array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 12 })
  .map(words => `Lists ${words.join(' ')}`)

/** Reports whose rows have such texts. */
const report = fc
  .record({ purposes: fc.array(text, { minLength: 1, maxLength: 6 }), feature: text })
  .map(({ purposes, feature }) => {
    const rows = {
      endpoints: purposes.map((purpose, index) => row(['GET', `/orders/${index}`, 'JWT', purpose])),
      security: purposes.map((purpose, index) => row([`${index}. ${purpose}`], index % 2 ? 'fail' : 'pass')),
      files: purposes.map((purpose, index) => row([`src/${index}.ts`, purpose])),
    }
    return renderMarkdown({ ...sampleReport(rows), feature })
  })

type Lines = { text: string; isDrawing: boolean }[]
type Deformation = (lines: Lines, pick: (count: number) => number) => Lines

function linesOf(markdown: string): Lines {
  let isDrawing = false
  return markdown.split('\n').map(line => {
    if (line.startsWith('```')) isDrawing = !isDrawing
    return { text: line, isDrawing: isDrawing || line.startsWith('```') }
  })
}

/** Changes the lines that begin in one way, except those of the drawing. */
function each(
  start: RegExp,
  change: (line: string, pick: (count: number) => number) => string[],
): Deformation {
  return (lines, pick) =>
    lines.flatMap(line =>
      start.test(line.text) && !line.isDrawing
        ? change(line.text, pick).map(other => ({ text: other, isDrawing: false }))
        : [line],
    )
}

/** Changes the cells of each row of a table. */
function cells(change: (cell: string, pick: (count: number) => number) => string): Deformation {
  return each(/^\|/, (line, pick) => {
    const inner = line
      .trim()
      .slice(1, -1)
      .split(/(?<!\\)\|/)
    return [`|${inner.map(cell => change(cell, pick)).join('|')}|`]
  })
}

const isRule = (cell: string) => /^ *:?-+:? *$/.test(cell)

const DEFORMATIONS: Record<string, Deformation> = {
  'spaces at the ends of lines': (lines, pick) =>
    lines.map(line => ({ ...line, text: line.text + ' '.repeat(pick(3)) })),
  'aligned columns': cells((cell, pick) => (isRule(cell) ? cell : ` ${cell}${' '.repeat(pick(9))}`)),
  'rules with an alignment': cells((cell, pick) =>
    isRule(cell) ? ([' :--- ', ' ---: ', ' :-: ', '-', ' - '][pick(5)] ?? '') : cell,
  ),
  'cells without spaces': cells(cell => cell.trim()),
  'tabs between cells': cells(cell => `\t${cell.trim()}\t`),
  'no pipes at the ends': each(/^\|/, line => [line.trim().slice(1, -1).trim()]),
  'other bullets': each(/^- \[/, (line, pick) => [`${'*+-'[pick(3)]}${line.slice(1)}`]),
  'wide bullets': each(/^[-*+] \[/, line => [line.replace(' [', '   [')]),
  'an upper-case X': each(/^[-*+] +\[x\]/, line => [line.replace('[x]', '[X]')]),
  'wrapped items': each(/^[-*+] +\[/, (line, pick) => {
    const words = line.split(' ')
    const at = Math.max(words.length - 1 - pick(3), 5)
    // A code span is not wrapped here: a formatter does not do that either.
    if (words.slice(at).join('').includes('`') || words.length <= at) return [line]
    return [words.slice(0, at).join(' '), `  ${words.slice(at).join(' ')}`]
  }),
  'empty lines between items': each(/^[-*+] +\[/, line => ['', line]),
  'empty lines after headings': each(/^#/, line => [line, '', '']),
  'no empty lines before headings': lines =>
    lines.filter(({ text, isDrawing }) => text.trim() !== '' || isDrawing),
  'closed headings': each(/^###/, line => [`${line} ###`]),
  'spaces in headings': each(/^###/, line => [line.replace('### ', '###   ')]),
  'indented blocks': each(/^[|#*+-]/, line => [`   ${line}`]),
  'a fence of tildes': lines =>
    lines.map(line =>
      line.text.startsWith('```') ? { ...line, text: line.text.replace('```', '~~~') } : line,
    ),
  'a language at the fence': lines => {
    const at = lines.findIndex(({ isDrawing }) => isDrawing)
    return lines.map((line, index) => (index === at ? { ...line, text: `${line.text.trim()}text` } : line))
  },
  'empty lines at the end': lines => [...lines, ...linesOf('\n\n')],
  'no line end at the end': lines => lines.slice(0, lines.findLastIndex(line => line.text.trim() !== '') + 1),
  'empty lines at the start': lines => [...linesOf('\n'), ...lines],
}

/** How the bytes differ after all lines have been written. */
const ENCODINGS: Record<string, (markdown: string) => string> = {
  LF: markdown => markdown,
  CRLF: markdown => markdown.replaceAll('\n', '\r\n'),
  BOM: markdown => `\uFEFF${markdown}`,
  'BOM and CRLF': markdown => `\uFEFF${markdown.replaceAll('\n', '\r\n')}`,
  'as in a list': markdown => markdown.replaceAll(/^(?=.)/gm, '  '),
}

describe.each(Object.entries(DEFORMATIONS))('%s', (_name, deformation) => {
  it('are harmless, and --fix takes them back', () => {
    fc.assert(
      fc.property(report, fc.infiniteStream(fc.nat()), (markdown, numbers) => {
        expectSame(markdown, deform(markdown, [deformation], numbers))
      }),
      { numRuns: 30 },
    )
  })
})

it('accepts any mixture of harmless forms, and --fix gives back the original bytes', () => {
  const names = fc.shuffledSubarray(Object.keys(DEFORMATIONS), { minLength: 2, maxLength: 8 })
  const encoding = fc.constantFrom(...Object.keys(ENCODINGS))
  fc.assert(
    fc.property(report, names, encoding, fc.infiniteStream(fc.nat()), (markdown, chosen, form, numbers) => {
      const changes = chosen.map(name => DEFORMATIONS[name] ?? ((lines: Lines) => lines))
      expectSame(markdown, ENCODINGS[form]?.(deform(markdown, changes, numbers)) ?? '')
    }),
    { numRuns: 300 },
  )
})

function deform(markdown: string, changes: readonly Deformation[], numbers: Iterator<number>): string {
  const pick = (count: number) => Number(numbers.next().value) % count
  const lines = changes.reduce((rest, change) => change(rest, pick), linesOf(markdown))
  return lines.map(line => line.text).join('\n')
}

function expectSame(original: string, deformed: string): void {
  expect(lint(original, NOW)).toEqual([])
  expect(fix(original, NOW)).toBe(original)
  expect(lint(deformed, NOW)).toEqual([])
  expect(fix(deformed, NOW)).toBe(original)
}
