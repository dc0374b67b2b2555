/** The suite: every scenario against the service, or against a target of one's own. */
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { loadOptions } from '../options.ts'
import { chooseFormat } from '../output/formats.ts'
import { planRounds } from '../plan.ts'
import type { Result } from '../result/schema.ts'
import { resultPath, writeResult } from '../result/store.ts'
import {
  type Context,
  describe,
  exitCodeOf,
  groupRounds,
  measureWithProgress,
  ownConnections,
  withGenerator,
} from './context.ts'
import { openSubject } from './open-subject.ts'

/** Measures, prints, keeps the result as `latest`, and writes the files that were asked for; returns the exit code. */
export async function runCommand(context: Context): Promise<number> {
  const result = await runAndPublish(context)
  return exitCodeOf(result)
}

/** The same, and returns the result. What is wrong with the options is found before the minutes of measuring. */
export async function runAndPublish(context: Context): Promise<Result> {
  const render = chooseFormat(context.values.format)
  const result = await runSuite(context)
  context.print(render(result))
  await writeResult(resultPath('latest'), result)
  await writeFiles(result, context)
  return result
}

/** Returns the result of the suite that the options ask for. */
async function runSuite(context: Context): Promise<Result> {
  const options = loadOptions(context.values)
  const opened = await openSubject(context)
  try {
    const { subject, scenarios } = opened
    const measured = await withGenerator([subject], scenarios, options, generator =>
      measureWithProgress(generator, planRounds(subject, scenarios, options), options, context.signal),
    )
    return {
      ...describe(opened, context),
      options,
      scenarios: groupRounds(measured, subject.key, scenarios),
      connections: ownConnections(scenarios),
    }
  } finally {
    await opened.close()
  }
}

/** Writes the files of `--json` and `--html`. */
export async function writeFiles(result: Result, { values }: Context): Promise<void> {
  if (values.json) await writeResult(resolve(values.json), result)
  if (values.html === undefined) return
  // Only a page needs the library that draws it, which takes 150 ms to load.
  const { renderPage } = await import('../output/page.ts')
  await writeFile(values.html, renderPage(result))
}
