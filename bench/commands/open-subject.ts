/** Prepares what the options ask to measure: the service, or a target. */
import { fileURLToPath } from 'node:url'
import { UsageError } from '../../harness/errors.ts'
import { SERVICE_NAME } from '../../src/config/service-name.ts'
import { bodyText, loadOptions, type Values } from '../options.ts'
import { takeFingerprint } from '../result/fingerprint.ts'
import type { Fingerprint } from '../result/schema.ts'
import { chooseScenarios, type Scenario } from '../scenario.ts'
import type { Subject } from '../subject.ts'
import { type Context, clientInfoOf } from './context.ts'

export const repository = fileURLToPath(new URL('../..', import.meta.url))

export type OpenedSubject = {
  subject: Subject
  scenarios: Scenario[]
  fingerprint: Fingerprint
  environment: Record<string, string>
  close: () => Promise<void>
}

/** Returns the subject of a run; `close` ends all that was started for it. */
export async function openSubject(context: Context): Promise<OpenedSubject> {
  return context.values.target === undefined ? openService(context) : openTarget(context.values)
}

async function openTarget(values: Values): Promise<OpenedSubject> {
  const origin = clientInfoOf(values.target ?? '')
  return {
    subject: { key: 'target', name: origin, origin, data: {} },
    scenarios: values.scenario ? await chooseScenarios(values.scenario) : [requestOf(values)],
    fingerprint: await takeFingerprint(),
    environment: {},
    close: async () => {},
  }
}

async function openService(context: Context): Promise<OpenedSubject> {
  const scenarios = await chooseScenarios(context.values.scenario ?? [])
  // Loaded here only: a target is measured without a database.
  const { openVersions } = await import('../service/versions.ts')
  const opened = await openVersions(
    [{ key: SERVICE_NAME, name: SERVICE_NAME, root: repository }],
    loadOptions(context.values),
    context.signal,
  )
  const [subject] = opened.subjects
  if (!subject) throw new Error('no version was opened')
  return { ...opened, subject, scenarios, fingerprint: await takeFingerprint(repository, opened.postgres) }
}

/** The one request that the options describe. */
function requestOf(values: Values): Scenario {
  const path = values.path ?? pathOf(values.target ?? '')
  const method = values.method?.toUpperCase() ?? (values.body === undefined ? 'GET' : 'POST')
  return {
    name: 'target',
    endpoints: [
      {
        name: `${method} ${path}`,
        method,
        path,
        ...(values.header && { headers: Object.fromEntries(values.header.map(splitHeader)) }),
        ...(values.body !== undefined && { body: bodyText(values.body) }),
      },
    ],
  }
}

function splitHeader(header: string): [string, string] {
  const colon = header.indexOf(':')
  if (colon < 1) throw new UsageError(`--header takes 'name: value', not "${header}"`)
  return [header.slice(0, colon).trim(), header.slice(colon + 1).trim()]
}

function pathOf(target: string): string {
  const { pathname, search } = new URL(target)
  return pathname + search
}
