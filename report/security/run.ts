/** Runs the security checks: several at once, then those that need the service for themselves, one at a time. */
import type { Row } from '../document/document.ts'
import { fact } from '../document/evidence.ts'
import { messageOf, NotVerified } from '../errors.ts'
import { type Check, type CheckContext, createExpectations, fillClaim, type ServiceContext } from './check.ts'

/** Checks that run at once. More would wait for the service's password hashes and limits. */
const CONCURRENCY = 8

/** Returns one row per check, in the order of the list. */
export async function runChecks(
  checks: readonly Check[],
  context: CheckContext | ServiceContext,
): Promise<Row[]> {
  const rows = new Map<Check, Row>()
  const run = async (check: Check) => {
    rows.set(check, await runCheck(check, context))
  }
  const queue = checks.filter(({ isAlone }) => !isAlone)
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let check = queue.shift(); check; check = queue.shift()) await run(check)
    }),
  )
  const alone = checks.filter(({ isAlone }) => isAlone)
  // What disturbs the service is last.
  for (const check of alone.filter(({ isAlone }) => isAlone !== 'disturbs')) await run(check)
  for (const check of alone.filter(({ isAlone }) => isAlone === 'disturbs')) await run(check)
  return checks.flatMap(check => rows.get(check) ?? [])
}

/** Returns the row of one check. Where the check cannot decide or throws, the row gives the reason. */
export async function runCheck(check: Check, context: CheckContext | ServiceContext): Promise<Row> {
  const requirement = fact('required by', check.source)
  try {
    const { state, values, evidence } = await findingOf(check, context)
    return {
      id: check.id,
      cells: [fillClaim(check.claim, values)],
      state,
      evidence: [...evidence, requirement],
    }
  } catch (error) {
    const why = error instanceof NotVerified ? error.message : `the check failed to run: ${messageOf(error)}`
    return {
      id: check.id,
      cells: [`${fillClaim(check.claim, {})} (not verified: ${why})`],
      state: 'not verified',
      evidence: [fact('not verified', why), requirement],
    }
  }
}

async function findingOf(check: Check, context: CheckContext | ServiceContext) {
  const expect = createExpectations()
  if (check.needs === 'http') return expect.finding(await check.run({ ...context, expect }))
  if (!('actors' in context)) throw new NotVerified("it needs the service's accounts, database and key")
  return expect.finding(await check.run({ ...context, expect }))
}
