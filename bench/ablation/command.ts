/** `ablate`: what each feature of the service costs, and each shortcut saves, by switching them off in turn. */

import { UsageError } from '../../harness/errors.ts'
import { type Context, describe, withGenerator } from '../commands/context.ts'
import { groupOptions, measureGroup, publishGroups } from '../commands/group.ts'
import { repository } from '../commands/open-subject.ts'
import { takeFingerprint } from '../result/fingerprint.ts'
import type { Result } from '../result/schema.ts'
import { chooseScenarios } from '../scenario.ts'
import type { Version } from '../service/subject.ts'
import { openVersions } from '../service/versions.ts'
import { renderAblation, SUBJECT_NAMES } from './output.ts'
import { VARIANTS, type Variant } from './variants.ts'

/** Measures the service with everything on, without each of the chosen, and without all of them; prints the costs. */
export async function ablateCommand(context: Context): Promise<number> {
  const { values, operands, signal } = context
  const chosen = chooseVariants(operands)
  const options = groupOptions(values)
  const scenarios = await chooseScenarios(values.scenario ?? ['get-user'])
  const opened = await openVersions(versionsOf(chosen), options, signal)
  try {
    const { subjects, postgres, environment } = opened
    const [reference] = subjects
    if (!reference) throw new Error('nothing was opened')
    const group = await withGenerator(subjects, scenarios, options, generator =>
      measureGroup(generator, { subjects, reference, scenarios }, options, context),
    )
    const fingerprint = await takeFingerprint(repository, postgres)
    const result: Result = {
      ...describe({ subject: { name: 'ablate' }, fingerprint, environment }, context),
      options,
      scenarios: [],
      groups: [group],
    }
    context.print(`${renderAblation(group, chosen)}\n`)
    return await publishGroups(result, context)
  } finally {
    await opened.close()
  }
}

/** Returns the variants of these names, all where there are none. Throws a UsageError that lists what there is. */
export function chooseVariants(names: readonly string[]): readonly Variant[] {
  const unknown = names.find(name => !VARIANTS.some(variant => variant.name === name))
  if (unknown !== undefined) {
    const known = VARIANTS.map(({ name }) => name).join(', ')
    throw new UsageError(`there is nothing called "${unknown}" to switch off; there are: ${known}`)
  }
  return names.length === 0 ? VARIANTS : VARIANTS.filter(({ name }) => names.includes(name))
}

/** The service as it is, without each of these, and without all features and all shortcuts of several. */
function versionsOf(chosen: readonly Variant[]): Version[] {
  const kinds = (['feature', 'shortcut'] as const).map(kind => ({
    name: SUBJECT_NAMES.withoutAll(kind),
    off: chosen.filter(variant => variant.kind === kind),
  }))
  return [
    withoutThese([], SUBJECT_NAMES.everything),
    ...chosen.map(variant => withoutThese([variant], SUBJECT_NAMES.without(variant.name))),
    ...kinds.filter(({ off }) => off.length > 1).map(({ name, off }) => withoutThese(off, name)),
  ]
}

/** Returns the service without some of what it has; started in the same way where that is nothing. */
export function withoutThese(off: readonly Variant[], name: string): Version {
  return {
    key: name.replaceAll(/[^a-z]+/g, '_'),
    name,
    root: repository,
    environment: {
      BENCH_ABLATE: off.map(variant => variant.name).join(','),
      // CORS is there only where an origin is allowed.
      CORS_ORIGINS: 'https://pages.example',
    },
    preloads: [new URL('./preload.ts', import.meta.url).href],
  }
}
