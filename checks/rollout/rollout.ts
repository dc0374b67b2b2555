/** Runs the version before under load while this version's migrations are applied, and counts what fails. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startDatabase } from '../../harness/database.ts'
import { RunError } from '../../harness/errors.ts'
import {
  productionEnvironment,
  RAISED_LIMITS,
  runServiceCommand,
  startService,
} from '../../harness/service.ts'
import { startTraceSink } from '../../harness/trace-sink.ts'
import { checkOut } from '../../harness/worktree.ts'
import { readStatus } from '../../src/db/migrate.ts'
import { createSend, logIn, runJourney, signUp, writableKeys } from './load.ts'
import { createTally, type Failure, type Route } from './tally.ts'

export type Options = {
  /** The checkout whose migrations are rolled out. */
  root: string
  /** The commit of the version before. */
  base: string
  /** How long the load goes on after the migrations. */
  seconds: number
  /** Accounts that are active at the same time. */
  users: number
  signal: AbortSignal
  onProgress: (line: string) => void
}

export type Outcome = {
  /** Names of the migrations that were applied. */
  pending: string[]
  routes: Route[]
  failures: Failure[]
  /** What the service logged of its failures: each message once, the first few. */
  reasons: string[]
}

/** Longest wait for each account to have been through all routes: every statement is prepared on connections by then. */
const WARM_UP_MS = 30_000

const MAX_REASONS = 10

/** Returns what failed. Throws RunError where the version before, or the migrations, do not work by themselves. */
export async function checkRollout(options: Options): Promise<Outcome> {
  const stack = new AsyncDisposableStack()
  try {
    return await rollOut(options, stack)
  } finally {
    await stack.disposeAsync()
  }
}

async function rollOut(options: Options, stack: AsyncDisposableStack): Promise<Outcome> {
  const { root, base, signal, onProgress } = options
  const before = await checkOut(root, base, signal)
  stack.defer(before.remove)
  const database = await startDatabase('rollout')
  stack.defer(database.remove)
  const url = await database.create('rollout')
  await migrate(before.root, url, signal)
  const pending = await pendingMigrations(url, root)
  onProgress(
    pending.length === 0
      ? 'There is nothing to roll out: the version before has the same migrations. It is run under load as it is.'
      : `To roll out: ${pending.join(', ')}`,
  )
  const sink = await startTraceSink()
  stack.defer(sink.close)
  const reasons = new Set<string>()
  const service = await startService({
    root: before.root,
    readyPath: '/health/ready',
    environment: {
      ...productionEnvironment(url),
      ...RAISED_LIMITS,
      REGISTER_RATE_LIMIT_MAX: '1000000',
      OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
      // Out of the way: what a busy machine does to the event loop is no fault of the migrations.
      MAX_EVENT_LOOP_DELAY: '60s',
      DOCS: 'on',
    },
    detached: true,
    onOutput: line => collectReason(line, reasons),
    signal,
  })
  stack.defer(service.stop)
  const tally = createTally()
  await putUnderLoad(service.origin, tally, { ...options, before: before.root, url })
  const end = service.describeEnd()
  if (end !== undefined) reasons.add(end)
  return { pending, routes: tally.routes(), failures: tally.failures(), reasons: [...reasons] }
}

type Running = Options & { before: string; url: string }

async function putUnderLoad(origin: string, tally: ReturnType<typeof createTally>, running: Running) {
  const { root, before, url, users, seconds, signal, onProgress } = running
  const send = createSend(origin, tally)
  const [adminToken, keys] = [await makeAdmin(send, before, url, signal), await writableKeys(origin)]
  const load = new AbortController()
  const warm = Array.from({ length: users }, () => Promise.withResolvers<void>())
  const journeys = warm.map(async ({ resolve }) => {
    let email: string | undefined
    while (!load.signal.aborted && !signal.aborted) {
      email = await runJourney(send, { adminToken, keys, former: email })
      resolve()
    }
  })
  try {
    const isWarm = Promise.all(warm.map(({ promise }) => promise))
    await Promise.race([isWarm, sleep(WARM_UP_MS, undefined, { signal })])
    const [failure] = tally.failures()
    if (failure) {
      throw new RunError(
        `the version before fails without any migration: ${failure.route} ${failure.outcome}`,
      )
    }
    const since = performance.now()
    tally.beginMigrations()
    await migrate(root, url, signal)
    onProgress(`Migrated within ${((performance.now() - since) / 1000).toFixed(1)} s. The load goes on.`)
    await sleep(seconds * 1000, undefined, { signal })
  } catch (error) {
    throw signal.aborted ? new RunError('interrupted') : error
  } finally {
    load.abort()
    await Promise.all(journeys)
  }
}

/** Registers an admin on the version before, with its own command. Returns an access token. */
async function makeAdmin(
  send: ReturnType<typeof createSend>,
  root: string,
  url: string,
  signal: AbortSignal,
): Promise<string> {
  const account = await signUp(send)
  if (!account) throw new RunError('the version before does not let an account register and log in')
  await runServiceCommand('user-admin', [account.email], { root, databaseUrl: url, signal })
  const tokens = await logIn(send, account.email)
  if (!tokens) throw new RunError('the version before does not let its admin log in')
  return tokens.accessToken
}

async function pendingMigrations(url: string, root: string): Promise<string[]> {
  const { entries } = await readStatus(url, `${root}/drizzle`)
  return entries.filter(({ row }) => row === undefined).map(({ migration }) => migration.tag)
}

function migrate(root: string, url: string, signal: AbortSignal): Promise<void> {
  return runServiceCommand('db-migrate', [], { root, databaseUrl: url, signal })
}

/** What the service logs of a request that failed: without its message, which may quote values. */
function collectReason(line: string, reasons: Set<string>): void {
  if (reasons.size >= MAX_REASONS || !line.includes('"request failed"')) return
  const { err, code } = JSON.parse(line) as {
    err?: { name?: string; code?: string; routine?: string; stack?: string }
    code?: string
  }
  const places = err?.stack?.match(/src\/[\w./-]+:\d+/g) ?? []
  // Every statement passes through src/db/: what asked for it is of more use.
  const place = places.find(each => !each.startsWith('src/db/')) ?? places[0]
  const cause = [err?.code ?? err?.name, err?.routine].filter(Boolean).join(' ')
  reasons.add(`${code}: ${cause}${place === undefined ? '' : ` in ${place}`}`)
}
