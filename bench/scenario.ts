/** What a scenario is: requests as data, one file each, in a folder for each module. */
import { readdir } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { UsageError } from '../harness/errors.ts'

const closed = { additionalProperties: false }

export const EndpointSchema = Type.Object(
  {
    name: Type.String({ description: 'the row of the table that its figures go to' }),
    method: Type.String({ pattern: '^[A-Z]+$' }),
    path: Type.String({ pattern: '^[/{]' }),
    headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    body: Type.Optional(Type.Unknown({ description: 'text is sent as it is, anything else as JSON' })),
    expect: Type.Optional(
      Type.Array(Type.Integer(), { description: 'statuses that count; by default any 2xx' }),
    ),
    weight: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: 'share in a mix; by default 1' })),
    capture: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description:
          'session field ← dotted path into the JSON response, for the next request of that connection',
      }),
    ),
  },
  closed,
)

export const ScenarioSchema = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9-]+$' }),
    description: Type.Optional(Type.String()),
    connections: Type.Optional(
      Type.Integer({ minimum: 1, description: 'instead of the default of the run' }),
    ),
    share: Type.Optional(
      Type.Integer({ minimum: 1, description: 'how many of its requests the mix has; none by default' }),
    ),
    data: Type.Optional(
      Type.Record(Type.String(), Type.Array(Type.Record(Type.String(), Type.String())), {
        description:
          'rows for {{set.field}}; `sessions` gives each connection a row of its own, {{session.field}}',
      }),
    ),
    endpoints: Type.Array(EndpointSchema, { minItems: 1 }),
  },
  closed,
)

export type Endpoint = Static<typeof EndpointSchema>
export type Scenario = Static<typeof ScenarioSchema>

const OWN_SCENARIOS = new URL('./scenarios/', import.meta.url)

/** Returns the scenarios of `bench/scenarios/<module>/` and the mix of them, in the order of their names. */
export async function loadOwnScenarios(): Promise<Scenario[]> {
  const files = (await readdir(OWN_SCENARIOS, { recursive: true })).filter(file => file.endsWith('.ts'))
  const scenarios = await Promise.all(files.map(file => readScenario(new URL(file, OWN_SCENARIOS))))
  return [...scenarios, mixOf(scenarios)].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Returns a day's mixture: of each scenario that has a share, that many requests. */
export function mixOf(scenarios: readonly Scenario[]): Scenario {
  const shared = scenarios.filter(({ share = 0 }) => share > 0)
  const endpoints = shared
    .toSorted((a, b) => (b.share ?? 0) - (a.share ?? 0))
    .flatMap(({ endpoints, share = 0 }) => endpoints.map(endpoint => ({ ...endpoint, weight: share })))
  return { name: 'mix', endpoints }
}

/**
 * Returns the scenarios that `names` ask for, all of them when it is empty. A name with a slash or an extension is a
 * file of one's own (.ts, .js or .json). Throws a UsageError that lists what there is.
 */
export async function chooseScenarios(names: string[]): Promise<Scenario[]> {
  const own = await loadOwnScenarios()
  if (names.length === 0) return own
  return Promise.all(
    names.map(async name => {
      if (/[/.\\]/.test(name)) return readScenario(pathToFileURL(resolve(name)))
      const found = own.find(scenario => scenario.name === name)
      if (!found) {
        throw new UsageError(`unknown scenario "${name}"; there are: ${own.map(one => one.name).join(', ')}`)
      }
      return found
    }),
  )
}

async function readScenario(file: URL): Promise<Scenario> {
  const name = basename(file.pathname)
  const isJson = name.endsWith('.json')
  const loaded: { default?: unknown } = await import(
    file.href,
    isJson ? { with: { type: 'json' } } : {}
  ).catch((error: Error) => {
    throw new UsageError(`cannot read the scenario ${name}: ${error.message}`)
  })
  const problem = Value.Errors(ScenarioSchema, loaded.default).First()
  if (problem) throw new UsageError(`scenario ${name}: ${problem.path || '/'} ${problem.message}`)
  return Value.Decode(ScenarioSchema, loaded.default)
}
