/** Generates the document: starts the service, collects the rows, compares them with a base, and stops everything. */
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startDatabase } from '../harness/database.ts'
import { RunError, UsageError } from '../harness/errors.ts'
import { startBase } from './change/base.ts'
import { moduleIn } from './change/base-app.ts'
import { failEdited } from './change/migrations.ts'
import { findNewRoutes } from './change/new-routes.ts'
import { subtract } from './change/subtract.ts'
import { collectRows, toDocument } from './collect.ts'
import { type Context, createContext } from './context.ts'
import type { Report, Rows, SectionId } from './document/document.ts'
import { messageOf } from './errors.ts'
import { openRepository, type Repository } from './git.ts'
import { once } from './once.ts'
import type { Settings } from './options.ts'
import { COMMAND, REFERENCE_ROOT } from './package/installed.ts'
import type { Change } from './sections/performance/change.ts'
import { preparePerformance } from './sections/performance/collector.ts'
import { rootOf, startAnyApp } from './subject/any-app.ts'
import { migrateReference, startReference } from './subject/reference.ts'
import type { Subject } from './subject/subject.ts'
import { collectSupplement } from './supplement/collect.ts'
import { readTests } from './supplement/tests.ts'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Called with each step, for a person who waits. */
export type OnStep = (step: string) => void

export type GenerateOptions = Pick<
  Settings,
  'bench' | 'feature' | 'date' | 'since' | 'sections' | 'app' | 'allowWrites' | 'yes'
> & { tests?: string | undefined }

/** Sections that are not derived from a running base: the bench measures both, and the files are of the range itself. */
const NOT_COMPARED: readonly SectionId[] = ['performance', 'files']

/** Returns the document. Everything that was started has ended when this returns or throws. */
export async function generateReport(
  options: GenerateOptions,
  onStep: OnStep,
  signal: AbortSignal,
): Promise<Report> {
  const cleanups: Cleanups = []
  const interrupted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new RunError('interrupted')), { once: true })
  })
  async function clean(): Promise<void> {
    for (const cleanup of cleanups.splice(0).reverse()) {
      await cleanup().catch(error => process.stderr.write(`report: ${messageOf(error)}\n`))
    }
  }
  const work = generate(options, onStep, signal, cleanups)
  try {
    return await Promise.race([work, interrupted])
  } finally {
    await clean()
    // After an interruption during a start, one more process has to be stopped.
    await work.catch(() => {
      // The caller has received this error, or the interruption.
    })
    await clean()
  }
}

type Cleanups = (() => Promise<unknown>)[]

async function generate(
  options: GenerateOptions,
  onStep: OnStep,
  signal: AbortSignal,
  cleanups: Cleanups,
): Promise<Report> {
  const { app, since, sections } = options
  if (app === undefined && REFERENCE_ROOT === undefined) {
    throw new UsageError(`name the module of your app: ${COMMAND} --app src/app.js`)
  }
  const ownRoot = app === undefined ? ROOT : rootOf(app)
  const own = await openRepository(ownRoot, since)
  if (!own && (app === undefined || since !== undefined)) {
    throw new RunError('this is not a git repository, so its commit and files are not known')
  }
  // Unusable files are reported before anything is started.
  if (options.tests !== undefined) readTests(options.tests, ROOT, own?.committedAt)
  const measure = sections.includes('performance') ? await preparePerformance(options) : undefined
  onStep('starting the service')
  const start = app === undefined ? await startServer(cleanups, signal) : undefined
  const subject = start ? await start(ROOT, 'head') : await startAnyApp(app ?? '', options, signal)
  if (!start) cleanups.push(subject.stop)
  const { rows, context } = await rowsOf(subject, own, sections, onStep)
  // Two versions of one's own service have a database each. Two of another app may need the same port.
  if (!start) await subject.stop()
  const startBaseIn = start
    ? (folder: string) => start(folder, 'base')
    : async (folder: string) => {
        const module = await moduleIn(folder, { module: app ?? '', ownRoot }, signal)
        const base = await startAnyApp(module, options, signal)
        cleanups.push(base.stop)
        return base
      }
  const head = { rows, context, own }
  const change =
    own?.base && (await compareWithBase(head, startBaseIn, { sections, onStep, signal, cleanups }))
  signal.throwIfAborted()
  // The bench needs a quiet machine.
  await subject.stop()
  if (measure) {
    onStep(options.bench === 'none' ? 'reading the scenarios' : `measuring (${options.bench})`)
    rows.performance = await measure(own, signal, change)
  }
  onStep('')
  const { root, secrets } = subject
  const { surveyed } = context
  const supplement = await collectSupplement({ root, repository: own, tests: options.tests, surveyed, rows })
  return toDocument({ ...headOf(options, subject, own), ...supplement }, rows, sections, secrets)
}

type Head = { rows: Rows; context: Context; own: Repository | undefined }
type Work = Pick<Settings, 'sections'> & { onStep: OnStep; signal: AbortSignal; cleanups: Cleanups }

/** Reduces the rows of the head to its change since the base. Returns what the bench has to know of the base. */
async function compareWithBase(
  { rows, context, own }: Head,
  start: (folder: string) => Promise<Subject>,
  { sections, onStep, signal, cleanups }: Work,
): Promise<Change | undefined> {
  if (!own?.base) return undefined
  const { ref = '', commit } = own.base
  onStep(`starting ${ref}`)
  const base = await startBase(own, own.base, { start, cleanups, signal })
  const compared = sections.filter(id => !NOT_COMPARED.includes(id))
  if (rows.database) rows.database = await failEdited(rows.database, own)
  const before = await rowsOf(base, undefined, compared, onStep, context.subject.root)
  subtract(rows, before.rows, ref)
  await base.stop()
  const { routes } = before.context
  // Only the reference service is measured, and only it still runs.
  const isMeasured = context.service !== undefined && sections.includes('performance')
  return { ref, commit: commit ?? '', routes, added: isMeasured ? await findNewRoutes(context, routes) : [] }
}

/** Durability is of no use to a database that lives for one run. */
export const DATABASE_SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
}

/** Starts a database server. Returns a function that starts a version of the service on its own database. */
async function startServer(cleanups: Cleanups, signal: AbortSignal) {
  const server = await startDatabase('report', DATABASE_SETTINGS).catch(error => {
    throw new RunError(`the database does not start: ${messageOf(error)}`)
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

async function rowsOf(
  subject: Subject,
  repository: Repository | undefined,
  sections: readonly SectionId[],
  onStep: OnStep,
  configRoot = subject.root,
): Promise<{ rows: Rows; context: Context }> {
  onStep('calling every route')
  const context = await createContext(subject, repository, configRoot)
  const rows = await collectRows(context, sections, section => onStep(`${section} collected`))
  return { rows, context }
}

function headOf({ feature, date }: GenerateOptions, subject: Subject, repository: Repository | undefined) {
  const { version, base } = repository ?? { version: { commit: null, dirty: false } }
  return {
    feature: feature ?? packageName(subject.root),
    date,
    module: subject.module,
    range: { head: version, ...(base && { base }) },
  }
}

function packageName(root: string): string {
  const file = join(root, 'package.json')
  if (!existsSync(file)) return basename(root)
  const { name } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string }
  return name || basename(root)
}
