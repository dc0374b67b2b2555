/** Finds the known issues of a repository: those of a file of known issues, and comments such as TODO. */
import type { KnownIssue, KnownIssues } from '../document/supplement.ts'

const FILE = /^(docs\/)?KNOWN[-_]ISSUES\.md$/i
const ITEM = /^(?:[-*] |\d+\. |#{2,} )(\S.*)$/

/** A mark at the start of a comment. `TODO` inside a sentence or a string is no issue. */
const COMMENT = /(?:\/\/|\/\*+|^\s*\*|(?:^|\s)#|--|<!--)\s*((?:TODO|FIXME|HACK|XXX)\b.*)$/

/** Files with comments. */
const SOURCE = /\.([cm]?[jt]sx?|sql|sh|ya?ml|css|html|py)$|(^|\/)Dockerfile$/
const MAX_TEXT_LENGTH = 200
const MAX_ISSUES = 500

/** Returns the issues of these files. `read` returns the text of a file. */
export function collectKnownIssues(files: readonly string[], read: (file: string) => string): KnownIssues {
  const find = (wanted: RegExp, pattern: RegExp) =>
    files
      .filter(file => wanted.test(file))
      .flatMap(file => matchesOf(file, read(file), pattern))
      .slice(0, MAX_ISSUES)
  return { stated: find(FILE, ITEM), comments: find(SOURCE, COMMENT) }
}

function matchesOf(file: string, text: string, pattern: RegExp): KnownIssue[] {
  return text.split('\n').flatMap((content, index) => {
    const found = pattern.exec(content)?.[1]
    return found === undefined ? [] : [{ text: tidy(found), file, line: index + 1 }]
  })
}

function tidy(text: string): string {
  return text
    .replace(/\s*(\*\/|-->)\s*$/, '')
    .trim()
    .slice(0, MAX_TEXT_LENGTH)
}
