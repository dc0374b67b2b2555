/** Writes plain text so that Markdown shows exactly that text, and reads it back. Code spans stay as they are. */
import { oneLine } from './one-line.ts'

const PUNCTUATION = '[!-/:-@[-`{-~]'

/** CommonMark §2.4: a backslash before punctuation disappears. */
const BACKSLASH = new RegExp(`\\\\(?=${PUNCTUATION})`, 'g')
const ESCAPED = new RegExp(`\\\\(${PUNCTUATION})`, 'g')

/** CommonMark §6.2: what stands between these is emphasised, and formatters write it with other marks. */
const EMPHASIS = /(?<![\w\\])(_{1,2})(?=\S)[^_]*[^\s_]\1(?!\w)|(?<!\\)(\*{1,2})(?=\S)[^*]*[^\s*]\2/g

const ENTITIES: Record<string, string> = {
  '&lt;': '<',
  '&gt;': '>',
  '&amp;': '&',
  '&quot;': '"',
  '&#39;': "'",
}
const ENTITY = /&(?:lt|gt|amp|quot|#39);/g

/** markdownlint writes bare addresses like this. */
const AUTOLINK = /<(https?:\/\/[^\s<>]+)>/g

/** A `<` that begins a tag or a comment. */
const TAG = /<(?=[A-Za-z/!?])/g

/** Returns the text as Markdown on one line. */
export function escapeText(text: string): string {
  return outsideCode(oneLine(text), part =>
    part
      .replaceAll(BACKSLASH, '\\\\')
      .replaceAll(EMPHASIS, found => found.replaceAll(/[_*]/g, '\\$&'))
      .replaceAll(ENTITY, found => `&amp;${found.slice(1)}`)
      .replaceAll(TAG, '&lt;'),
  )
}

/** Returns the text as a cell. GitHub Flavored Markdown §4.10: a pipe inside a cell is escaped, in code too. */
export function escapeCell(text: string): string {
  return escapeText(text).replaceAll('|', '\\|')
}

/** Returns the text that Markdown on one line stands for. */
export function unescapeText(markdown: string): string {
  return outsideCode(oneLine(markdown), part =>
    part
      .replaceAll(AUTOLINK, '$1')
      .replaceAll(ENTITY, found => ENTITIES[found] ?? found)
      .replaceAll(ESCAPED, '$1'),
  )
}

/** Returns the text of a cell. */
export function unescapeCell(markdown: string): string {
  return unescapeText(markdown.replaceAll('\\|', '|'))
}

/** Returns Markdown without its code spans. */
export function withoutCode(markdown: string): string {
  return outsideCode(markdown, part => part, '')
}

/** Changes what is outside of code spans, and inside them too where `code` is given. */
function outsideCode(markdown: string, change: (part: string) => string, code?: string): string {
  const runs = [...markdown.matchAll(/`+/g)].map(({ index, 0: { length } }) => ({ index, length }))
  const closers = closersOf(runs.map(({ length }) => length))
  let text = ''
  let end = 0
  for (let at = 0; at < runs.length; at++) {
    const opener = runs[at]
    const closer = runs[closers[at] ?? -1]
    if (!opener || !closer) continue
    const next = closer.index + closer.length
    text += change(markdown.slice(end, opener.index)) + (code ?? markdown.slice(opener.index, next))
    end = next
    at = closers[at] ?? at
  }
  return text + change(markdown.slice(end))
}

/** CommonMark §6.1: a code span ends at the next run of as many backticks. Returns the index of that run for each. */
function closersOf(lengths: readonly number[]): (number | undefined)[] {
  const latest = new Map<number, number>()
  return lengths
    .map((length, index, all) => ({
      length: all[all.length - 1 - index] ?? length,
      index: all.length - 1 - index,
    }))
    .map(({ length, index }) => {
      const closer = latest.get(length)
      latest.set(length, index)
      return closer
    })
    .reverse()
}
