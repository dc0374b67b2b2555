/** All trials: the sabotages, and the changes that harm nothing. */
import { harmless } from './harmless.ts'
import { sabotages } from './sabotages/all.ts'
import type { Trial } from './trial.ts'

export { harmless, sabotages }

/** Returns the trial of a name. Throws where there is none. */
export function findTrial(name: string): Trial {
  const trial = [...sabotages, ...harmless].find(other => other.name === name)
  if (!trial) throw new Error(`there is no trial "${name}"`)
  return trial
}

/** Returns the trials whose name or kind contains `only`, and of these each tenth, beginning with number `tenth` modulo ten. */
export function selectTrials({
  only,
  tenth,
}: {
  only?: string | undefined
  tenth?: number | undefined
}): Trial[] {
  const pattern = new RegExp(only ?? '', 'i')
  return [...sabotages, ...harmless].filter(
    ({ name, kind }, index) =>
      (pattern.test(name) || pattern.test(kind)) && (tenth === undefined || index % 10 === tenth % 10),
  )
}
