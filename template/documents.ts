/** Takes what a document says of files, scripts and tables that are gone out of it: rows, items, sentences and sections. */
import { posix } from 'node:path'
import { isIn } from './places.ts'

export type Gone = {
  /** The document's own path. */
  path: string
  /** Files and folders that were removed. */
  gone: readonly string[]
  /** Names of npm scripts that were removed. */
  scripts: readonly string[]
  /** Names of tables that were removed. */
  tables: readonly string[]
}

const LINK = /!?\[[^\]]*\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g
const ITEM = /^ *(?:[-*]|\d+\.) /
const FENCE = /^ *```/
/** A sentence ends before white space and what can begin the next one. */
const BETWEEN_SENTENCES = /(?<=[.!?]\)?)(?=\s+[A-Z`[*])/

/**
 * Returns the document without these. A section of the third level goes where its first sentence, its first commands or
 * its list of tests does.
 */
export function pruneDocument(text: string, gone: Gone): string {
  const sections = text.split(/(?=^#{1,6} )/m).flatMap(section => pruneSection(section, gone))
  const kept = sections.filter((section, index) => {
    const isEmpty = /^## [^\n]*\s*$/.test(section)
    return !isEmpty || sections[index + 1]?.startsWith('### ') || text.includes(`${section.trim()}\n\n## `)
  })
  return `${kept.join('').trimEnd()}\n`
}

function pruneSection(section: string, gone: Gone): string[] {
  const before = splitBlocks(section)
  const after = before.map(block => pruneBlock(block, gone))
  const isLost = (index: number) => (before[index] ?? '').trim() !== '' && after[index] === ''
  const tests = before.findIndex(block => block.startsWith('- Tests: '))
  if (section.startsWith('### ') && (isLost(tests) || isAbout(before, after, gone))) return []
  const kept = after.filter((_, index) => !isLost(index))
  return [kept.join('\n').replaceAll(/\n{3,}/g, '\n\n')]
}

/** Whether the first text of a section is about what is gone. */
function isAbout(before: readonly string[], after: readonly string[], gone: Gone): boolean {
  const first = before.findIndex((block, index) => index > 0 && block.trim() !== '')
  const block = before[first] ?? ''
  if (!FENCE.test(block)) return mentions(block.split(BETWEEN_SENTENCES)[0] ?? '', gone)
  const commands = (after[first] ?? '')
    .split('\n')
    .filter(line => /\S/.test(line) && !/^ *(?:```|git |#)/.test(line))
  return after[first] !== block && commands.length === 0
}

/** A heading, a row, a list item or paragraph with all its lines, a block of code, or an empty line. */
function splitBlocks(section: string): string[] {
  const blocks: string[] = []
  let isCode = false
  for (const line of section.split('\n')) {
    const last = blocks.at(-1) ?? ''
    const isText = /\S/.test(line) && !/^(?:#|\||<)/.test(line) && !ITEM.test(line) && !FENCE.test(line)
    const continues = isCode || (isText && /^[^#|<\n]/.test(last) && !FENCE.test(last))
    if (continues) blocks[blocks.length - 1] = `${last}\n${line}`
    else blocks.push(line)
    if (FENCE.test(line)) isCode = !isCode
  }
  return blocks
}

/** Returns the block without what is gone; '' where nothing is left of it. */
function pruneBlock(block: string, gone: Gone): string {
  if (FENCE.test(block)) return pruneCode(block, gone)
  if (isAboutTable(block, gone)) return ''
  if (block.startsWith('#') || !mentions(block, gone)) return block
  if (block.startsWith('|')) return isRowOf(block, gone) ? '' : withoutLinks(block, gone)
  if (!ITEM.test(block)) return withoutSentences(block, gone)
  const [, marker = '', rest = ''] = /^( *(?:[-*]|\d+\.) +)([\s\S]*)$/.exec(block) ?? []
  if (linksIn(rest).some(link => !isIn(resolve(link, gone), gone.gone))) return withoutLinks(block, gone)
  const left = withoutSentences(rest, gone)
  return left === '' ? '' : marker + left
}

/** Lines that begin with what is gone, in a layout, and lines that run a script that is gone. */
function pruneCode(block: string, gone: Gone): string {
  const [open = '', ...lines] = block.split('\n')
  const close = lines.pop() ?? ''
  const kept = lines.filter(line => {
    const [, place = ''] = /^([\w./<>-]+)\s{2,}\S/.exec(line) ?? []
    return !isIn(place.replace(/\/$/, ''), gone.gone) && !namesScript(line, gone)
  })
  return kept.length === 0 && lines.length > 0 ? '' : [open, ...kept, close].join('\n')
}

/** A row whose first cell is the name of a table of the database. */
function isAboutTable(block: string, { tables }: Gone): boolean {
  const [, name = ''] = /^\| `(\w+)` \|/.exec(block) ?? []
  return tables.includes(name)
}

/** Its first cell names what is gone, or it has no other link. */
function isRowOf(row: string, gone: Gone): boolean {
  const [, first = ''] = row.split('|')
  const alive = linksIn(row).filter(link => !isIn(resolve(link, gone), gone.gone))
  return mentions(first, gone) || alive.length === 0
}

function withoutSentences(paragraph: string, gone: Gone): string {
  const sentences = paragraph.split(BETWEEN_SENTENCES)
  return sentences
    .filter(sentence => !mentions(sentence, gone))
    .join('')
    .replace(/^\s+/, '')
}

function withoutLinks(block: string, gone: Gone): string {
  const isDead = (link: string) => isIn(resolve(link, gone), gone.gone)
  return block
    .replaceAll(/(,\s+)?!?\[[^\]]*\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g, (all, _, link) =>
      isDead(link) ? '' : all,
    )
    .replaceAll(/(?<=[:|]) *,\s+/g, ' ')
}

function mentions(text: string, gone: Gone): boolean {
  return (
    linksIn(text).some(link => isIn(resolve(link, gone), gone.gone)) ||
    pathsIn(text).some(path => isIn(path, gone.gone)) ||
    namesScript(text, gone)
  )
}

/** What is in backticks and has a slash or a dot: `bench` alone may be another word. */
function pathsIn(text: string): string[] {
  const found = [...text.matchAll(/`([\w-]*[./][\w./-]*)`/g)]
  return found.map(([, path = '']) => path.replace(/\/$/, ''))
}

function namesScript(text: string, { scripts }: Gone): boolean {
  return [...text.matchAll(/\bnpm run ([\w:-]+)/g)].some(([, name = '']) => scripts.includes(name))
}

function linksIn(text: string): string[] {
  return [...text.matchAll(LINK)].map(([, link = '']) => link)
}

function resolve(link: string, { path }: Gone): string {
  return /^[a-z]+:/.test(link) ? link : posix.join(posix.dirname(path), link).replace(/\/$/, '')
}
