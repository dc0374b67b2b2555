/** Security Measures: a probe each, against the live server. */
import type { Row } from '../document/document.ts'
import { fact } from '../document/evidence.ts'
import { enumerationByTime } from '../security/probes/accounts.ts'
import { PROBES } from '../security/probes/index.ts'
import { runProbes } from '../security/run.ts'
import type { Collector, Context } from './context.ts'

export const security: Collector = { section: 'security', collect: collectSecurity }

async function collectSecurity({ service, ...context }: Context): Promise<Row[]> {
  if (service) {
    return runProbes(PROBES, { ...context, ...service }, probe => probe === enumerationByTime)
  }
  const generic = PROBES.filter(({ needs }) => needs === 'http')
  const rows = await runProbes(generic, context, () => false)
  return [...rows, remainder(PROBES.length - generic.length)]
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
