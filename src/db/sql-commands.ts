/** Finds where each command of an SQL text begins, past strings, comments and function bodies. */

/**
 * The tokens of PostgreSQL's lexer that can contain a `;` or a word. Nested comments are read separately. A CR alone also
 * ends a comment, and the tags of dollar quotes are case-sensitive.
 */
const TOKEN =
  /--[^\n\r]*|\/\*|\$((?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?)\$[\s\S]*?\$\1\$|\b[Ee]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|[^\s]/gy

export type Command = {
  /** In characters from the start of the text; `end` is behind its semicolon. */
  offset: number
  end: number
  /** Its words outside strings, quoted names and comments, in lower case. */
  words: string[]
}

/** Returns the commands of the text, in order. */
export function commandsIn(sql: string): Command[] {
  const commands: Command[] = []
  let current: Command | undefined
  let parentheses = 0
  // Depth of `begin atomic … end` and of the `case … end` in it: a function's body in SQL, with semicolons of its own.
  let body = 0
  for (const { text, offset } of tokensOf(sql)) {
    if (text === ';' && parentheses === 0 && body === 0) {
      if (current) current.end = offset + 1
      current = undefined
      continue
    }
    if (!current) {
      current = { offset, end: sql.length, words: [] }
      commands.push(current)
    }
    if (text === '(') parentheses += 1
    if (text === ')') parentheses -= 1
    const word = /^[a-z_\u0080-\uffff][^'"]*$/i.test(text) ? text.toLowerCase() : undefined
    if (word === undefined) continue
    if (word === 'atomic' && current.words.at(-1) === 'begin' && isRoutine(current)) body += 1
    else if (body > 0 && word === 'case') body += 1
    else if (body > 0 && word === 'end') body -= 1
    current.words.push(word)
  }
  return commands
}

function isRoutine({ words }: Command): boolean {
  return words[0] === 'create' && (words.includes('function') || words.includes('procedure'))
}

/** Returns the tokens that are not comments. */
function* tokensOf(sql: string): Generator<{ text: string; offset: number }> {
  let offset = 0
  while (offset < sql.length) {
    TOKEN.lastIndex = offset
    const text = TOKEN.exec(sql)?.[0]
    if (text === undefined) offset += 1
    else if (text === '/*') {
      const end = endOfComment(sql, offset)
      // A comment without an end hides the rest: it is left in, for PostgreSQL to refuse.
      if (end === undefined) yield { text: sql.slice(offset), offset }
      offset = end ?? sql.length
    } else {
      if (!text.startsWith('--')) yield { text, offset }
      offset += text.length
    }
  }
}

/** Returns where a block comment ends; undefined where it does not. PostgreSQL's block comments nest. */
function endOfComment(sql: string, start: number): number | undefined {
  let depth = 0
  for (const { 0: mark, index } of sql.slice(start).matchAll(/\/\*|\*\//g)) {
    depth += mark === '/*' ? 1 : -1
    if (depth === 0) return start + index + mark.length
  }
  return undefined
}
