/** `frameworks`: the service beside the same two endpoints in other frameworks. */
import { UsageError } from '../../harness/errors.ts'
import { type Context, describe, withGenerator } from '../commands/context.ts'
import { groupOptions, measureGroup, publishGroups } from '../commands/group.ts'
import { repository } from '../commands/open-subject.ts'
import type { Generator } from '../load/generator-client.ts'
import { renderAgainstEach, renderGroup } from '../output/group.ts'
import type { Step } from '../plan.ts'
import { takeFingerprint } from '../result/fingerprint.ts'
import type { Group, LoadOptions, Measurement } from '../result/schema.ts'
import { chooseScenarios, type Scenario } from '../scenario.ts'
import { SEEDED_PASSWORD } from '../service/data.ts'
import { median } from '../stats/summary.ts'
import type { Subject } from '../subject.ts'
import { hasVoidShare, renderHashShare } from './hash-share.ts'
import { readStoredHash, timeHashes } from './hash-time.ts'
import { BARE, chooseFrameworks, installFrameworks, openFrameworks } from './servers.ts'

/** What the frameworks' servers have. */
const LOOKUP = 'get-user'
const LOGIN = 'login'

/** Prints the ratios and returns the exit code; see `publishGroups`. */
export async function frameworksCommand(context: Context): Promise<number> {
  const { values, operands, signal } = context
  const options = groupOptions(values)
  const scenarios = await chooseShared(values.scenario)
  const names = await chooseFrameworks(operands)
  await installFrameworks(() => console.error("Installing the frameworks' packages, this once …"), signal)
  const opened = await openFrameworks(repository, names, options, signal)
  try {
    const subjects = [...opened.servers, opened.service]
    const hash = await readStoredHash(opened.service.databaseUrl)
    const groups = await withGenerator(subjects, scenarios, options, generator =>
      measureServers(generator, { subjects, scenarios, options, hash }, context),
    )
    const fingerprint = await takeFingerprint(repository, opened.postgres)
    const { environment } = opened
    const described = describe({ subject: { name: 'frameworks' }, fingerprint, environment }, context)
    const exitCode = await publishGroups({ ...described, options, scenarios: [], groups }, context)
    return exitCode === 0 && groups.some(group => hasVoidShare(group, LOGIN)) ? 1 : exitCode
  } finally {
    await opened.close()
  }
}

async function chooseShared(names: string[] = [LOOKUP, LOGIN]): Promise<Scenario[]> {
  const foreign = names.find(name => name !== LOOKUP && name !== LOGIN)
  if (foreign !== undefined)
    throw new UsageError(`the frameworks have ${LOOKUP} and ${LOGIN}, not "${foreign}"`)
  return chooseScenarios(names)
}

type Plan = {
  /** Bare first, the service last. */
  subjects: readonly Subject[]
  scenarios: readonly Scenario[]
  options: LoadOptions
  /** A hash that the service has stored. */
  hash: string
}

/** Measures everyone, then bare and the service at half of bare's maximum; prints as it goes. */
async function measureServers(
  generator: Generator,
  { subjects, scenarios, options, hash }: Plan,
  context: Context,
): Promise<Group[]> {
  const [reference, service] = [subjects.at(0), subjects.at(-1)]
  if (!reference || !service) throw new Error('there is nothing to compare')
  const hashMs: number[] = []
  // In turn with the logins: what slows them for a while slows a hash, too.
  const beforeStep = async ({ scenario, round }: Step): Promise<void> => {
    if (scenario.name === LOGIN && round === hashMs.length)
      hashMs.push(median(await timeHashes(hash, SEEDED_PASSWORD, context.signal)))
  }
  const plan = { subjects, reference, scenarios, beforeStep }
  const measured = await measureGroup(generator, plan, options, context)
  const group = hashMs.length > 0 ? { ...measured, hashMs } : measured
  context.print(`${renderGroup(group)}\n\n${renderAgainstEach(group, service.name)}\n`)
  if (hashMs.length > 0) context.print(`${renderHashShare(group, LOGIN)}\n`)

  const scenario = scenarios.find(({ name }) => name === LOOKUP)
  if (!scenario || options.mode === 'open' || context.signal.aborted) return [group]
  const rate = Math.max(1, Math.round(medianRate(roundsOf(group, BARE, LOOKUP)) / 2))
  const atHalf: LoadOptions = { ...options, mode: 'open', rate, arrivals: options.arrivals ?? 'poisson' }
  const pair = { subjects: [reference, service], reference, scenarios: [scenario] }
  const half = await measureGroup(generator, pair, atHalf, context)
  context.print(`At half of what ${BARE} can do:\n\n${renderGroup(half)}\n`)
  return [group, half]
}

function roundsOf({ subjects }: Group, name: string, scenario: string): Measurement[] {
  const subject = subjects.find(one => one.name === name)
  return subject?.scenarios.find(one => one.name === scenario)?.rounds ?? []
}

function medianRate(rounds: readonly Measurement[]): number {
  return median(rounds.map(({ rate }) => rate))
}
