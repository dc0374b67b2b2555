/** `npm run db:seed -- --users 10000`: adds demo users, always the same. None is an admin: their password is public. */
import { createHash } from 'node:crypto'
import { hash } from '@node-rs/argon2'
import { type Environment, isProduction, loadDatabaseUrls, readEnvironment } from '../config/config.ts'
import { SERVICE_NAME } from '../config/service-name.ts'
import type { Database } from '../db/client.ts'
import { UserFacingError } from '../lib/user-facing-error.ts'
import { ARGON2ID } from '../modules/accounts/passwords.ts'
import { ifInstalled } from '../process/if-installed.ts'
import { readArguments, runCommand, withDatabase } from './database.ts'

const PASSWORD = 'correct horse battery staple'
const BATCH = 1000
const MAX_USERS = 10_000_000

const FIRST = [
  'Ada',
  'Alan',
  'Barbara',
  'Dennis',
  'Edsger',
  'Frances',
  'Grace',
  'Jean',
  'Ken',
  'Margaret',
  'Niklaus',
]
const LAST = [
  'Allen',
  'Dijkstra',
  'Hamilton',
  'Hopper',
  'Kernighan',
  'Liskov',
  'Lovelace',
  'Ritchie',
  'Turing',
  'Wirth',
]

await runCommand(async () => {
  const { count, isSure } = readOptions()
  const environment = readEnvironment()
  if (isProduction(environment))
    throw new UserFacingError('Demo users have a known password: not in production.')
  if (environment.DATABASE_URL !== undefined && !isSure) throw new UserFacingError(refusal(environment))
  await withDatabase(async database => {
    const inserted = await seed(database, count)
    console.log(`Seeded ${inserted} of ${count} users${inserted < count ? '; the others existed' : ''}.
  user000001@example.com to user${numberOf(count)}@example.com
  password: ${PASSWORD}`)
  })
})

function readOptions(): { count: number; isSure: boolean } {
  const { values } = readArguments({
    options: { users: { type: 'string', default: '1000' }, yes: { type: 'boolean', default: false } },
  })
  const count = /^[0-9]+$/.test(values.users) ? Number(values.users) : 0
  if (count < 1 || count > MAX_USERS) {
    throw new UserFacingError(`--users takes a whole number from 1 to ${MAX_USERS}.`)
  }
  return { count, isSure: values.yes }
}

/** Returns the message of a refusal. It names the database, which may be another one than the user thinks. */
function refusal(environment: Environment): string {
  const [, address] = /^[a-z]+:\/\/(?:[^@]*@)?([^?]*)/.exec(loadDatabaseUrls(environment).directUrl) ?? []
  return (
    `DATABASE_URL leads to ${address}, which is not the embedded database: ` +
    'demo users have a known password. Unset DATABASE_URL, or add them there with: npm run db:seed -- --yes'
  )
}

/** Inserts the missing users, and returns how many there were. */
async function seed({ db }: Database, count: number): Promise<number> {
  const [{ sql }, { users }] = await Promise.all([
    import('drizzle-orm'),
    import('../modules/users/tables.ts'),
  ])
  // A fixed salt makes the data deterministic. The password is public.
  const passwordHash = await hash(PASSWORD, { ...ARGON2ID, salt: digest('salt').subarray(0, 16) })
  const progress = await startProgress(count)
  let inserted = 0
  for (let first = 1; first <= count; first += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, count + 1 - first) }, (_, offset) => first + offset)
    const rows = numbers.map(number => demoUser(number, passwordHash))
    const { rowCount } = await db.insert(users).values(rows).onConflictDoNothing()
    inserted += rowCount ?? 0
    progress.update(Math.min(first + BATCH - 1, count))
  }
  progress.stop()
  await db.execute(sql`analyze users`)
  return inserted
}

/** Returns the user of a number. */
function demoUser(number: number, passwordHash: string) {
  const bytes = digest(`user ${number}`)
  const name = `${FIRST[(bytes[0] ?? 0) % FIRST.length]} ${LAST[(bytes[1] ?? 0) % LAST.length]}`
  return {
    id: uuidOf(bytes),
    email: `user${numberOf(number)}@example.com`,
    displayName: name,
    passwordHash,
    // One a minute from a fixed day on: the order does not depend on the time of the seed.
    createdAt: new Date(Date.UTC(2026, 0, 1) + number * 60_000),
    updatedAt: new Date(Date.UTC(2026, 0, 1) + number * 60_000),
  }
}

function numberOf(number: number): string {
  return String(number).padStart(6, '0')
}

function digest(text: string): Buffer {
  return createHash('sha256').update(`${SERVICE_NAME} seed: ${text}`).digest()
}

/** Returns a UUID of version 8 from our own bytes (RFC 9562 §5.8). */
function uuidOf(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** Returns a progress bar on a terminal; one without output elsewhere, and where its development package is missing. */
async function startProgress(total: number): Promise<{ update(done: number): void; stop(): void }> {
  const library = process.stderr.isTTY ? await ifInstalled(() => import('cli-progress')) : undefined
  if (library === undefined) return { update() {}, stop() {} }
  const { SingleBar, Presets } = library
  const bar = new SingleBar(
    { format: '  {bar} {value}/{total} users, {eta_formatted} left' },
    Presets.shades_classic,
  )
  bar.start(total, 0)
  return bar
}
