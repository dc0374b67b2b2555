/** What a figure depends on besides the code: two results are comparable only where this agrees. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describeMachine } from '../../harness/machine.ts'
import type { Fingerprint } from './schema.ts'

const run = promisify(execFile)

/**
 * Returns the fingerprint of this machine and of the checkout in `directory`; what cannot be read is left out. Of a target
 * no checkout is known.
 */
export async function takeFingerprint(directory?: string, postgres?: string): Promise<Fingerprint> {
  return {
    machine: { ...describeMachine(), ...(postgres && { postgres }) },
    code: directory === undefined ? {} : await readCode(directory),
  }
}

/** Returns the names of the machine's properties in which two fingerprints differ. */
export function machineDifferences(a: Fingerprint, b: Fingerprint): string[] {
  const names = new Set([...Object.keys(a.machine), ...Object.keys(b.machine)])
  return [...names].filter(name => Reflect.get(a.machine, name) !== Reflect.get(b.machine, name))
}

async function readCode(directory: string): Promise<Fingerprint['code']> {
  const [commit, status, lockfile] = await Promise.all([
    git(directory, 'rev-parse', 'HEAD'),
    git(directory, 'status', '--porcelain'),
    readFile(join(directory, 'package-lock.json')).catch(() => undefined),
  ])
  return {
    ...(commit && { commit }),
    ...(status !== undefined && { dirty: status !== '' }),
    ...(lockfile && { lockfile: createHash('sha256').update(lockfile).digest('hex').slice(0, 16) }),
  }
}

async function git(directory: string, ...args: string[]): Promise<string | undefined> {
  return run('git', args, { cwd: directory }).then(
    done => done.stdout.trim(),
    () => undefined,
  )
}
