/** Makes the document: starts what it speaks of, collects, compares where there is a base, and ends all of it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkOut } from '../harness/worktree.ts'
import { assemble, collectRows, type Rows } from './build.ts'
import { createContext } from './collectors/context.ts'
import { preparePerformance } from './collectors/performance.ts'
import { subtract } from './compare.ts'
import type { Report, SectionId } from './document/document.ts'
import { messageOf, ReportError } from './errors.ts'
import { openRepository, type Repository } from './git.ts'
import type { Settings } from './options.ts'
import { startAnyApp } from './subject/any-app.ts'
import { startDatabaseServer } from './subject/database.ts'
import { migrateReference, startReference } from './subject/reference.ts'
import type { Subject } from './subject/subject.ts'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Told what is being done, for a person who waits. */
export type OnStep = (step: string) => void

export type Making = Pick<Settings, 'bench' | 'feature' | 'date' | 'since' | 'sections' | 'app'>

/** What a base does not say anything about: they speak of the head as it runs, or of the range itself. */
const ABSOLUTE: readonly SectionId[] = ['security', 'performance', 'files']

/** The document. Whatever was started has ended when this returns or throws. */
export async function makeReport(settings: Making, onStep: OnStep, signal: AbortSignal): Promise<Report> {
  const cleanups: (() => Promise<unknown>)[] = []
  const interrupted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new ReportError('interrupted')), { once: true })
  })
  async function clean(): Promise<void> {
    for (const cleanup of cleanups.splice(0).reverse()) {
      await cleanup().catch(error => process.stderr.write(`report: ${messageOf(error)}\n`))
    }
  }
  const work = make(settings, onStep, signal, cleanups)
  try {
    return await Promise.race([work, interrupted])
  } finally {
    await clean()
    // Interrupted in the middle of a start, there is one thing more to end.
    await work.catch(() => {
      // Whoever waits for the report has been told.
    })
    await clean()
  }
}

type Cleanups = (() => Promise<unknown>)[]

async function make(
  settings: Making,
  onStep: OnStep,
  signal: AbortSignal,
  cleanups: Cleanups,
): Promise<Report> {
  const { app, since, sections } = settings
  const repository = app === undefined ? await ownRepository(since) : undefined
  // What is asked of it may be impossible: said before anything is started.
  const measure = sections.includes('performance') ? await preparePerformance(settings) : undefined
  onStep('starting the service')
  const start = app === undefined ? await startServer(cleanups, signal) : undefined
  const subject = start ? await start(ROOT, 'head') : await startAnyApp(app ?? '', signal)
  if (!start) cleanups.push(subject.stop)
  const own = repository ?? (await openRepository(subject.root))
  const rows = await rowsOf(subject, own, sections, onStep)
  if (since !== undefined && start && repository?.base) {
    onStep(`starting ${since}`)
    const worktree = await checkOut(ROOT, since, signal).catch((error: Error) => {
      throw new ReportError(error.message)
    })
    cleanups.push(worktree.remove)
    const base = await start(worktree.root, 'base')
    const compared = sections.filter(id => !ABSOLUTE.includes(id))
    subtract(rows, await rowsOf(base, undefined, compared, onStep), since)
    await base.stop()
  }
  signal.throwIfAborted()
  // The machine is to be quiet for the bench.
  await subject.stop()
  if (measure) {
    onStep(settings.bench === 'none' ? 'reading the scenarios' : `measuring (${settings.bench})`)
    rows.performance = await measure(own, signal)
  }
  onStep('')
  return assemble(headOf(settings, subject, own), rows, sections, subject.secrets)
}

async function ownRepository(since: string | undefined): Promise<Repository> {
  const repository = await openRepository(ROOT, since)
  if (!repository) throw new ReportError('this is not a git repository: its commit and files cannot be told')
  return repository
}

/** Starts a database server, and returns what starts versions of the service on it. */
async function startServer(cleanups: Cleanups, signal: AbortSignal) {
  const server = await startDatabaseServer().catch(error => {
    throw new ReportError(`the database does not start: ${messageOf(error)}`)
  })
  cleanups.push(server.remove)
  signal.throwIfAborted()
  return async (root: string, name: string): Promise<Subject> => {
    const databaseUrl = await server.create(name)
    await migrateReference(root, databaseUrl)
    signal.throwIfAborted()
    const subject = await startReference({ root, databaseUrl, signal })
    const stop = once(subject.stop)
    cleanups.push(stop)
    return { ...subject, stop }
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => {
    done ??= work()
    return done
  }
}

async function rowsOf(
  subject: Subject,
  repository: Repository | undefined,
  sections: readonly SectionId[],
  onStep: OnStep,
): Promise<Rows> {
  onStep('calling every route')
  const context = await createContext(subject, repository)
  return collectRows(context, sections, section => onStep(`${section} collected`))
}

function headOf({ feature, date }: Making, subject: Subject, repository: Repository | undefined) {
  const { version, base } = repository ?? { version: { commit: null, dirty: false } }
  return {
    ...{ feature: feature ?? packageName(subject.root), date, module: subject.module },
    range: { head: version, ...(base && { base }) },
  }
}

function packageName(root: string): string {
  const { name } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { name?: string }
  return name ?? 'app'
}
