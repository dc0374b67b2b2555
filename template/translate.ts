/** Gives the names of one module the place of another's, in code, strings and prose. */
import { type Forms, formsOf, singularOf } from './names.ts'

/** A module's name and that of one of its objects. */
export type Names = { plural: Forms; singular: Forms }

type Kind = 'code' | 'prose' | 'sql' | 'place'

/** Comments, strings without escapes, and parts of templates. What is between them is code. */
const SEGMENTS = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g
const INSERTION = /\$\{[^}]*\}/g
const SQL =
  /^[`']\s*(?:select\s|update\s+\S+\s+set\s|insert\s+into\s|delete\s+from\s|with\s+\S+\s+as\s|(?:create|alter|drop)\s+table\s)/i

export function namesOf(name: string, singular = singularOf(name)): Names {
  return { plural: formsOf(name), singular: formsOf(singular) }
}

/** Returns a source file of the one module as one of the other. */
export function translateSource(text: string, from: Names, to: Names): string {
  return mapSegments(text, (segment, kind) => replaceNames(segment, kind, from, to))
}

/** Returns a path of the one module as one of the other. */
export function translatePath(path: string, from: Names, to: Names): string {
  return replaceNames(path, 'place', from, to)
}

/** Returns the identifiers of a source file's code, without the names of properties that it reads. */
export function identifiersOf(text: string): Set<string> {
  const found = new Set<string>()
  mapSegments(text, (segment, kind) => {
    if (kind === 'code')
      for (const [name] of segment.matchAll(/(?<![\w.]|\w\?\.)[A-Za-z_]\w*|(?<=\.{3})\w+/g)) found.add(name)
    return segment
  })
  return found
}

function mapSegments(text: string, map: (segment: string, kind: Kind) => string): string {
  let end = 0
  let result = ''
  for (const match of text.matchAll(SEGMENTS)) {
    const before = text.slice(end, match.index)
    result += map(before, 'code') + mapSegment(match[0], before, map)
    end = match.index + match[0].length
  }
  return result + map(text.slice(end), 'code')
}

function mapSegment(segment: string, before: string, map: (segment: string, kind: Kind) => string): string {
  if (segment.startsWith('/')) return map(segment, 'prose')
  const kind = SQL.test(segment) || /\bpgTable\(\s*$/.test(before) ? 'sql' : kindOfString(segment)
  if (!segment.startsWith('`')) return map(segment, kind)
  let end = 0
  let result = ''
  for (const match of segment.matchAll(INSERTION)) {
    result += map(segment.slice(end, match.index), kind) + mapSegments(match[0], map)
    end = match.index + match[0].length
  }
  return result + map(segment.slice(end), kind)
}

/** A sentence has spaces, a name of code has capitals, and the rest are paths and names of modules. */
function kindOfString(text: string): Kind {
  if (/\S[^/]* /.test(text)) return 'prose'
  return /[A-Z]/.test(text) && !text.includes('/') ? 'code' : 'place'
}

/** In one pass: the new name may contain the old one, such as `notes-archive`. */
function replaceNames(text: string, kind: Kind, from: Names, to: Names): string {
  const rules = [...rulesOf(kind, from.plural, to.plural), ...rulesOf(kind, from.singular, to.singular)]
  const pattern = new RegExp(rules.map(([source]) => `(${source})`).join('|'), 'g')
  const replaced = text.replaceAll(pattern, (all, ...groups: (string | undefined)[]) => {
    const index = groups.slice(0, rules.length).findIndex(group => group !== undefined)
    return rules[index]?.[1] ?? all
  })
  return kind === 'prose' ? fixArticles(replaced, to.singular.words) : replaced
}

/** Patterns for the forms of a name, and what replaces each. Of two that match, the first counts. */
function rulesOf(kind: Kind, old: Forms, fresh: Forms): [pattern: string, name: string][] {
  const small = { code: fresh.camel, prose: fresh.words, sql: fresh.snake, place: fresh.kebab }[kind]
  const capital = kind === 'prose' ? fresh.words.replace(/^./, first => first.toUpperCase()) : fresh.pascal
  return [
    [`(?<=/)${old.kebab}(?![a-zA-Z])`, kind === 'code' ? fresh.camel : fresh.kebab],
    [`(?<=_)${old.snake}(?![a-z])|(?<![a-zA-Z])${old.snake}(?=_)`, fresh.snake],
    [`(?<![A-Z])${old.upper}(?![A-Z])`, fresh.upper],
    [`(?<![a-zA-Z])${old.camel}(?=[A-Z])`, fresh.camel],
    [`(?<![A-Z])(?<=[a-z])${old.pascal}(?![a-z])|(?<![a-zA-Z])${old.pascal}(?=[A-Z])`, fresh.pascal],
    [`(?<![a-zA-Z])${old.pascal}(?![a-zA-Z])`, capital],
    [`(?<![a-zA-Z])${old.camel}(?![a-zA-Z])`, small],
  ]
}

function fixArticles(text: string, noun: string): string {
  const article = /^[aeio]|^u(?!n[i]|s)/.test(noun) ? 'an' : 'a'
  return text.replaceAll(
    new RegExp(`\\b(a|A)n? (?=${noun}\\b)`, 'g'),
    (_, first) => `${first}${article.slice(1)} `,
  )
}
