/** Verify reads hostile documents without harm, and refuses those of another service, commit, day or change. */
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { createCopy } from '../../test/helpers/repository-copy.ts'
import { lintCommand } from '../commands/lint.ts'
import type { Report } from '../document/document.ts'
import { parse } from '../lint/parse.ts'
import { parseCommandLine } from '../options.ts'
import { renderJson } from '../render/json.ts'
import { renderMarkdown } from '../render/markdown.ts'
import { findStaleEndpoints, findStaleEvidence, findStaleRows } from '../verify/compare.ts'
import { checkHead, refuseOtherSubject } from '../verify/head.ts'
import { readPublished, sectionsOf } from '../verify/published.ts'
import { row, sampleReport } from './helpers/sample-report.ts'

const folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-verify-`))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let count = 0

function fileOf(content: string | Buffer): string {
  count += 1
  const file = join(folder, `document-${count}`)
  writeFileSync(file, content)
  return file
}

const MANY_ROWS = () =>
  `{"kind":"backend-implementation-report","schemaVersion":1,"sections":[{"rows":[${'{"id":"a"},'.repeat(1_000_000)}{}]}]}`

/** Each makes a file that is no report. */
const HOSTILE: Record<string, () => string> = {
  'a folder': () => {
    mkdirSync(join(folder, 'folder'))
    return join(folder, 'folder')
  },
  'a link to itself': () => {
    symlinkSync('loop', join(folder, 'loop'))
    return join(folder, 'loop')
  },
  'a named pipe': () => {
    execFileSync('mkfifo', [join(folder, 'pipe')])
    return join(folder, 'pipe')
  },
  'a device without an end': () => '/dev/zero',
  'a file of 1 TiB': () => {
    const file = fileOf('')
    truncateSync(file, 2 ** 40)
    return file
  },
  'random bytes': () => fileOf(Buffer.from([0xff, 0xfe, 0, 1, 2, 0x80])),
  'UTF-16': () => fileOf(Buffer.from('## Backend Implementation Report', 'utf16le')),
  'JSON of 1,000,000 rows': () => fileOf(MANY_ROWS()),
  'JSON of 1,000,000 levels': () => fileOf('['.repeat(1_000_000)),
  'JSON that is cut off': () => fileOf(renderJson(sampleReport()).slice(0, 500)),
  'JSON of something else': () => fileOf('{"schemaVersion":{"a":[]}}'),
  'JSON with a field of no report': () => fileOf(JSON.stringify({ ...sampleReport(), __proto__x: 1 })),
  'an empty file': () => fileOf(''),
  'a page': () => fileOf('<!doctype html><script>alert(1)</script>'),
}

it.each(Object.entries(HOSTILE))('refuses %s in one line', async (_name, make) => {
  const error = await readPublished(make()).catch(reason => reason)
  expect(error.name).toBe('RunError')
  expect(error.message.split('\n')).toHaveLength(1)
})

it('refuses a report whose bytes were cut or replaced, without another error', async () => {
  const text = renderMarkdown(sampleReport())
  const bytes = Buffer.from(text)
  // Without some of its last rows it is a report too.
  const end = Buffer.from(text.slice(0, text.indexOf('### Environment'))).length
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: end }),
      fc.uint8Array({ minLength: 1, maxLength: 8 }),
      async (at, other) => {
        const cut = await readPublished(fileOf(bytes.subarray(0, at))).catch(error => error)
        expect(cut.name).toBe('RunError')
        const mixed = Buffer.concat([bytes.subarray(0, at), other, bytes.subarray(at + other.length)])
        const read = await readPublished(fileOf(mixed)).catch(error => error)
        expect([undefined, 'RunError']).toContain(read.name)
      },
    ),
    { numRuns: 100 },
  )
})

it('reads JSON and Markdown, with the line ends and the marks of Windows too', async () => {
  for (const text of [renderJson(sampleReport()), renderMarkdown(sampleReport())]) {
    for (const form of [text, `\uFEFF${text.replaceAll('\n', '\r\n')}`]) {
      const published = await readPublished(fileOf(form))
      expect(published.feature).toBe('orders')
      expect(published.sections).toHaveLength(8)
    }
  }
})

describe('what a document is of', () => {
  const copy = createCopy()
  afterAll(copy.remove)
  let head = ''
  let first = ''
  const today = new Date().toISOString().slice(0, 10)

  beforeAll(async () => {
    await copy.commit('first')
    first = (await copy.git('rev-parse', 'HEAD')).trim()
    await copy.write('src/added.ts', '/** Added. */\n')
    await copy.commit('second')
    await copy.write('NOTES.md', '# Notes\n')
    await copy.commit('third')
    head = (await copy.git('rev-parse', 'HEAD')).trim()
  })

  type Change = { feature?: string; date?: string; commit?: string | null; dirty?: boolean; module?: string }

  function documentOf({
    feature = 'orders',
    date = today,
    commit = head,
    dirty = false,
    module,
  }: Change): Report {
    const source = row(['Source', 'Git', commit?.slice(0, 10) ?? 'no commit'])
    const report = sampleReport({
      stack: [row(['Runtime', 'Node.js', '24']), { ...source, id: 'Source: Git' }],
    })
    return { ...report, feature, date, module: module ?? report.module, range: { head: { commit, dirty } } }
  }

  async function problemsOf(change: Change, given?: string): Promise<string[]> {
    const published = await readPublished(fileOf(renderJson(documentOf(change))))
    return checkHead(published, documentOf({}), { folder: copy.folder, app: undefined, date: given })
  }

  it('accepts a commit since which the service has not changed', async () => {
    expect(await problemsOf({})).toEqual([])
    const second = (await copy.git('rev-parse', 'HEAD~1')).trim()
    expect(await problemsOf({ commit: second })).toEqual([])
    expect(await problemsOf({ date: today }, today)).toEqual([])
  })

  it('refuses another name, day or commit, each with one line', async () => {
    const orphan = (await copy.git('commit-tree', '-m', 'other', `${head}^{tree}`)).trim()
    const cases: [Change, RegExp, string?][] = [
      [{ feature: 'other' }, /is of "other", not of "orders"/],
      [{ date: '2020-01-31' }, /before its commit of/],
      [{ date: '2999-01-31' }, /after .*, when it was published/],
      [{ date: '2999-01-31' }, /is of 2999-01-31, not of/, today],
      [{ commit: first }, /the service has changed since .*: src\/added.ts/],
      [{ commit: orphan }, /is not part of the history of HEAD/],
      [{ commit: '0123456789abcdef' }, /there is no commit 0123456789/],
      [{ commit: null }, /names no commit/],
      [{ dirty: true }, /uncommitted changes/],
      [{ module: '../../evil.ts' }, /the module is "..\/..\/evil.ts"/],
    ]
    for (const [change, message, given] of cases) {
      const problems = await problemsOf(change, given)
      expect(problems.filter(line => message.test(line))).toHaveLength(1)
    }
  })

  it('refuses to verify a document that names another module or a change, unless the command line names it', async () => {
    const evil = await readPublished(fileOf(renderJson(documentOf({ module: '../../evil.ts' }))))
    expect(() => refuseOtherSubject(evil, { app: undefined, since: undefined })).toThrow(
      /name the app with --app/,
    )
    const report = documentOf({})
    const base = { commit: first, ref: 'main', dirty: false }
    const changed = await readPublished(fileOf(renderJson({ ...report, range: { ...report.range, base } })))
    expect(() => refuseOtherSubject(changed, { app: undefined, since: undefined })).toThrow(/with --since/)
    expect(() => refuseOtherSubject(changed, { app: undefined, since: 'main' })).not.toThrow()
  })
})

describe('what is compared', () => {
  const ours = sampleReport()
  const markdownOf = (report: Report) => ({ sections: sectionsOf(parse(renderMarkdown(report)).parsed) })

  it('finds a change of any cell, box or row, in JSON and in Markdown', () => {
    const sections = ours.sections.filter(({ id }) => id !== 'performance')
    const places = sections.flatMap(({ id, rows }) => rows.map((_, index) => ({ id, index })))
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        fc.constantFrom('cell', 'row', 'state'),
        ({ id, index }, kind) => {
          const changed = structuredClone(ours)
          const rows = changed.sections.find(section => section.id === id)?.rows ?? []
          const [chosen] = rows.slice(index)
          if (!chosen) throw new Error('no row')
          if (kind === 'row') rows.splice(index, 1)
          if (kind === 'cell') chosen.cells = chosen.cells.with(-1, id === 'middleware' ? '418' : 'Other')
          if (kind === 'state') chosen.state = chosen.state === 'pass' ? 'fail' : 'pass'
          expect(findStaleRows(changed, ours)).not.toEqual([])
          const isShown = kind !== 'state' || id === 'security'
          if (isShown) expect(findStaleRows(markdownOf(changed), markdownOf(ours))).not.toEqual([])
        },
      ),
    )
    expect(findStaleRows(markdownOf(ours), markdownOf(ours))).toEqual([])
  })

  it('compares statuses, codes, values and places of the evidence, and endpoints without their figures', () => {
    const changed = structuredClone(ours)
    for (const { evidence } of changed.sections.flatMap(({ rows }) => rows)) {
      for (const item of evidence) if (item.kind === 'exchange') item.status = 503
    }
    expect(findStaleEvidence(changed, ours)).toEqual([expect.stringMatching(/GET \/health .*503.*200/)])
    expect(findStaleEvidence(ours, ours)).toEqual([])
    const invented = sampleReport({ performance: [row(['GET /none', '1ms', '2ms', '9 rps'])] })
    expect(findStaleEndpoints(invented, ours)).toHaveLength(3)
  })
})

it('fixes a file in place, leaves an invalid one and a link as they are, and leaves nothing else behind', async () => {
  const { settings } = parseCommandLine(['lint', 'x', '--fix'])
  const ours = renderMarkdown(sampleReport())
  const own = mkdtempSync(join(folder, 'fix-'))
  const [file, invalid, link] = ['a.md', 'b.md', 'c.md'].map(name => join(own, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(file, ours.replaceAll('\n', '\r\n'))
  writeFileSync(invalid, ours.replace('- [x] Input validation', '* [x] TODO'))
  expect(await lintCommand(settings, file)).toBe(0)
  expect(readFileSync(file, 'utf8')).toBe(ours)
  expect(await lintCommand(settings, invalid)).toBe(1)
  expect(readFileSync(invalid, 'utf8')).toContain('* [x] TODO')
  writeFileSync(file, ours.replaceAll('\n', '\r\n'))
  symlinkSync(file, link)
  await expect(lintCommand(settings, link)).rejects.toThrow(/is a symbolic link/)
  expect(execFileSync('ls', ['-A', own], { encoding: 'utf8' })).toBe('a.md\nb.md\nc.md\n')
})
