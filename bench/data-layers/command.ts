/** `data-layers`: one look-up and one list through several data layers, as ratios to the driver alone. */

import { startDatabase } from '../../harness/database.ts'
import { type Context, describe, withGenerator } from '../commands/context.ts'
import { groupOptions, measureGroup, publishGroups } from '../commands/group.ts'
import { repository } from '../commands/open-subject.ts'
import { renderGroup } from '../output/group.ts'
import { takeFingerprint } from '../result/fingerprint.ts'
import { prepareDatabase } from '../service/service.ts'
import { USER_COUNT } from '../service/versions.ts'
import type { Subject } from '../subject.ts'
import { chooseDataScenarios, chooseLayers, installLayers, loadPositions, startLayer } from './servers.ts'

/** Installs the data layers where they are not there yet, measures them in turns, and prints their ratios to `pg`. */
export async function dataLayersCommand(context: Context): Promise<number> {
  const { values, operands, signal, print } = context
  const options = groupOptions(values)
  const names = await chooseLayers(operands)
  const scenarios = chooseDataScenarios(values.scenario ?? [])
  await installLayers(() => console.error("Installing the data layers' packages, this once …"), signal)
  const opened = await openLayers(names, signal)
  try {
    const { subjects, postgres } = opened
    const [reference] = subjects
    if (!reference) throw new Error('nothing was opened')
    const group = await withGenerator(subjects, scenarios, options, generator =>
      measureGroup(generator, { subjects, reference, scenarios }, options, context),
    )
    print(`${renderGroup(group)}\n`)
    const fingerprint = await takeFingerprint(repository, postgres)
    const described = describe({ subject: { name: 'data-layers' }, fingerprint, environment: {} }, context)
    return await publishGroups({ ...described, options, scenarios: [], groups: [group] }, context)
  } finally {
    await opened.close()
  }
}

/** Returns the layers, each running, all on one seeded database; `close` ends them and removes it. */
async function openLayers(names: readonly string[], signal: AbortSignal) {
  const cleanups: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  }
  try {
    const database = await startDatabase()
    cleanups.push(database.remove)
    const url = await database.create('data_layers')
    await prepareDatabase(repository, url, USER_COUNT, signal)
    const data = await loadPositions(url)
    const subjects: Subject[] = []
    for (const name of names) {
      const started = await startLayer(name, url, signal)
      cleanups.push(started.stop)
      subjects.push({ key: name, name, data, ...started })
    }
    return { subjects, postgres: database.version, close }
  } catch (error) {
    await close()
    throw error
  }
}
