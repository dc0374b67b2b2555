/** Security Measures: one check per row, each run against the live server. */
import type { Collector, Context } from '../../context.ts'
import type { Row } from '../../document/document.ts'
import { fact } from '../../document/evidence.ts'
import { findChecks } from '../../security/find-checks.ts'
import { runChecks } from '../../security/run.ts'

export const security: Collector = { section: 'security', collect: collectSecurity }

async function collectSecurity({ service, ...context }: Context): Promise<Row[]> {
  const checks = await findChecks()
  if (service) return runChecks(checks, { ...context, ...service })
  const generic = checks.filter(({ needs }) => needs === 'http')
  const rows = await runChecks(generic, context)
  return [...rows, remainder(checks.length - generic.length)]
}

function remainder(count: number): Row {
  const why = 'not available: they need the accounts, database and key of a service of this kind'
  return {
    id: 'not-available',
    cells: [`${count} further measures (not verified: ${why})`],
    state: 'not verified',
    evidence: [fact('not verified', why)],
  }
}
