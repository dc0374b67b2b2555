/** Files Created / Modified: what git knows of, and the first sentence of each file's opening comment. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Row } from '../document/document.ts'
import { type Evidence, fact, type SomeEvidence } from '../document/evidence.ts'
import { notAvailable } from '../document/rows.ts'
import { NONE } from '../document/sections.ts'
import type { ChangedFile } from '../git.ts'
import type { Collector, Context } from './context.ts'

export const files: Collector = { section: 'files', collect: collectFiles }

/** Longer openings are not comments any more. */
const LONGEST_OPENING = 4096

async function collectFiles({ repository }: Context): Promise<Row[]> {
  if (!repository) return [notAvailable('files', 'the app is not in a git repository')]
  return (await repository.files()).map(file => rowOf(repository.root, file))
}

function rowOf(root: string, { path, change }: ChangedFile): Row {
  const git = fact('git', change)
  if (change === 'removed') {
    return { id: path, cells: [path, 'Removed'], state: 'pass', evidence: [git] }
  }
  const purpose = purposeOf(path, readOpening(join(root, path)))
  const isMissing = purpose === undefined && /\.[cm]?[jt]s$/.test(path)
  const source: Evidence = { kind: 'source', file: path, line: 1 }
  const missing: SomeEvidence = [git, fact('opening comment', 'none', { is: 'a sentence', met: false })]
  return {
    id: path,
    cells: [path, purpose ?? (isMissing ? 'not stated (not verified: no opening comment)' : NONE)],
    state: isMissing ? 'not verified' : 'pass',
    evidence: isMissing ? missing : [git, source],
  }
}

function readOpening(file: string): string {
  if (!existsSync(file) || !statSync(file).isFile()) return ''
  return readFileSync(file, 'utf8').slice(0, LONGEST_OPENING)
}

/** The first sentence of the opening comment, in the comment syntax of the file's kind; of Markdown, the title. */
export function purposeOf(path: string, text: string): string | undefined {
  const body = text.replace(/^#!.*\n/, '').trimStart()
  const comment = commentOf(path, body)
  if (comment === undefined) return undefined
  const words = comment.replaceAll(/\s+/g, ' ').trim()
  const sentence = /^.*?[.!?](?= [A-Z`]|$)/.exec(words)?.[0] ?? words
  return sentence.replace(/\.$/, '') || undefined
}

function commentOf(path: string, body: string): string | undefined {
  if (/\.md$/.test(path)) return /^#+ (.+)/.exec(body)?.[1]
  if (/\.sql$/.test(path)) return lines(body, /^--(?!>) ?/)
  if (/\.html?$/.test(path)) return /^<!--([\s\S]*?)-->/.exec(body)?.[1]
  if (/\.(json|lock|png|jpe?g|svg|ico|woff2?)$/.test(path)) return undefined
  if (/\.([cm]?[jt]sx?|css|jsonc)$/.test(path)) {
    const block = /^\/\*\*?([\s\S]*?)\*\//.exec(body)?.[1]
    return block?.replaceAll(/^\s*\*/gm, '') ?? lines(body, /^\/\/ ?/)
  }
  return lines(body, /^# ?/)
}

/** The first lines that are comments, without their marks. */
function lines(body: string, mark: RegExp): string | undefined {
  const all = body.split('\n')
  const end = all.findIndex(line => !mark.test(line))
  const own = all.slice(0, end === -1 ? all.length : end).map(line => line.replace(mark, ''))
  return own.length === 0 ? undefined : own.join(' ')
}
