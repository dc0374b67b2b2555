/** Files Created / Modified: the files that git lists, each with the first sentence of its opening comment. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Collector, Context } from '../../context.ts'
import type { Row } from '../../document/document.ts'
import { type Evidence, fact, type SomeEvidence } from '../../document/evidence.ts'
import type { ChangedFile } from '../../git.ts'
import { NONE } from '../form.ts'
import { notAvailable } from '../rows.ts'
import { purposeOf } from './purpose.ts'

export const files: Collector = { section: 'files', collect: collectFiles }

/** Opening comments are shorter than this. */
const MAX_OPENING_LENGTH = 4096

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
  return readFileSync(file, 'utf8').slice(0, MAX_OPENING_LENGTH)
}
