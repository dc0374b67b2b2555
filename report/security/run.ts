/** Runs the probes: all at once but for those that time the service, which come last and alone. */
import type { Row } from '../document/document.ts'
import { fact } from '../document/evidence.ts'
import { messageOf } from '../errors.ts'
import {
  claimOf,
  createChecks,
  NotVerified,
  type Probe,
  type ProbeContext,
  type ServiceContext,
} from './probe.ts'

/** Probes that run at once; hashes and limits of the service set the pace beyond. */
const AT_ONCE = 8

/** One row for each probe that fits the app, in the order of the list. */
export async function runProbes(
  probes: readonly Probe[],
  context: ProbeContext | ServiceContext,
  isTimed: (probe: Probe) => boolean,
  onDone: (probe: Probe) => void = () => {},
): Promise<Row[]> {
  const rows = new Map<Probe, Row>()
  const run = async (probe: Probe) => {
    rows.set(probe, await runProbe(probe, context))
    onDone(probe)
  }
  const queue = probes.filter(probe => !isTimed(probe))
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let probe = queue.shift(); probe; probe = queue.shift()) await run(probe)
    }),
  )
  for (const probe of probes.filter(isTimed)) await run(probe)
  return probes.flatMap(probe => rows.get(probe) ?? [])
}

/** The row of one probe; a probe that cannot tell, or breaks, says why. */
export async function runProbe(probe: Probe, context: ProbeContext | ServiceContext): Promise<Row> {
  const asks = fact('asked for by', probe.source)
  try {
    const { state, facts, evidence } = await findingOf(probe, context)
    return { id: probe.id, cells: [claimOf(probe.claim, facts)], state, evidence: [...evidence, asks] }
  } catch (error) {
    const why = error instanceof NotVerified ? error.message : `the probe broke: ${messageOf(error)}`
    return {
      id: probe.id,
      cells: [`${claimOf(probe.claim, {})} (not verified: ${why})`],
      state: 'not verified',
      evidence: [fact('not verified', why), asks],
    }
  }
}

async function findingOf(probe: Probe, context: ProbeContext | ServiceContext) {
  const checks = createChecks()
  if (probe.needs === 'http') return checks.finding(await probe.probe({ ...context, checks }))
  if (!('actors' in context)) throw new NotVerified("it needs the service's accounts, database and key")
  return checks.finding(await probe.probe({ ...context, checks }))
}
