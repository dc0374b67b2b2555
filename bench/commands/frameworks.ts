/** `peers`: the service and what others would write in its place, side by side. */
import { UsageError } from '../../harness/errors.ts'
import type { Generator } from '../load/generator-client.ts'
import { renderAgainstEach, renderGroup } from '../output/group.ts'
import { hasVoidShare, renderHashShare } from '../output/hash-share.ts'
import type { Step } from '../plan.ts'
import { takeFingerprint } from '../result/fingerprint.ts'
import type { Group, LoadOptions, Measurement } from '../result/schema.ts'
import { chooseScenarios, type Scenario } from '../scenario.ts'
import { bare, choosePeers, installPeers, openPeers } from '../service/frameworks.ts'
import { timeHashes } from '../service/hash-time.ts'
import { median } from '../stats/summary.ts'
import type { Subject } from '../subject.ts'
import { type Context, describe, withGenerator } from './context.ts'
import { groupOptions, measureGroup, publishGroups } from './group.ts'
import { repository } from './open-subject.ts'

/** What the peers have. */
const lookup = 'get-user'
const login = 'login'

/** Prints the ratios and returns the exit code; see `publishGroups`. */
export async function peersCommand(context: Context): Promise<number> {
  const { values, signal } = context
  const options = groupOptions(values)
  const scenarios = await chooseShared(values.scenario)
  const names = await choosePeers(values.peer)
  await installPeers(() => console.error("Installing the peers' packages, this once …"), signal)
  const opened = await openPeers(repository, names, options, signal)
  try {
    const subjects = [...opened.peers, opened.service]
    const groups = await withGenerator(subjects, scenarios, options, generator =>
      measurePeers(generator, { subjects, scenarios, options }, context),
    )
    const fingerprint = await takeFingerprint(repository, opened.postgres)
    const { environment } = opened
    const described = describe({ subject: { name: 'peers' }, fingerprint, environment }, context)
    const exitCode = await publishGroups({ ...described, options, scenarios: [], groups }, context)
    return exitCode === 0 && groups.some(group => hasVoidShare(group, login)) ? 1 : exitCode
  } finally {
    await opened.close()
  }
}

async function chooseShared(names: string[] = [lookup, login]): Promise<Scenario[]> {
  const foreign = names.find(name => name !== lookup && name !== login)
  if (foreign !== undefined) throw new UsageError(`peers have ${lookup} and ${login}, not "${foreign}"`)
  return chooseScenarios(names)
}

interface Plan {
  /** Bare first, the service last. */
  subjects: readonly Subject[]
  scenarios: readonly Scenario[]
  options: LoadOptions
}

/** Measures everyone, then bare and the service at half of bare's maximum; prints as it goes. */
async function measurePeers(
  generator: Generator,
  { subjects, scenarios, options }: Plan,
  context: Context,
): Promise<Group[]> {
  const [reference, service] = [subjects.at(0), subjects.at(-1)]
  if (!reference || !service) throw new Error('there is nobody to compare')
  const hashMs: number[] = []
  // In turn with the logins: what slows them for a while slows a hash, too.
  const beforeStep = async ({ scenario, round }: Step): Promise<void> => {
    if (scenario.name === login && round === hashMs.length)
      hashMs.push(median(await timeHashes(context.signal)))
  }
  const plan = { subjects, reference, scenarios, beforeStep }
  const measured = await measureGroup(generator, plan, options, context)
  const group = hashMs.length > 0 ? { ...measured, hashMs } : measured
  context.print(`${renderGroup(group)}\n\n${renderAgainstEach(group, service.name)}\n`)
  if (hashMs.length > 0) context.print(`${renderHashShare(group, login)}\n`)

  const scenario = scenarios.find(({ name }) => name === lookup)
  if (!scenario || options.mode === 'open' || context.signal.aborted) return [group]
  const rate = Math.max(1, Math.round(medianRate(roundsOf(group, bare, lookup)) / 2))
  const atHalf: LoadOptions = { ...options, mode: 'open', rate, arrivals: options.arrivals ?? 'poisson' }
  const pair = { subjects: [reference, service], reference, scenarios: [scenario] }
  const half = await measureGroup(generator, pair, atHalf, context)
  context.print(`At half of what ${bare} can do:\n\n${renderGroup(half)}\n`)
  return [group, half]
}

function roundsOf({ subjects }: Group, name: string, scenario: string): Measurement[] {
  const subject = subjects.find(one => one.name === name)
  return subject?.scenarios.find(one => one.name === scenario)?.rounds ?? []
}

function medianRate(rounds: readonly Measurement[]): number {
  return median(rounds.map(({ rate }) => rate))
}
