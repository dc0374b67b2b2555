/** Environment Variables Added: the variables in the config schema, and others that the running code has read. */
import type { Collector, Context } from '../../context.ts'
import type { Row } from '../../document/document.ts'
import { type Evidence, fact, some } from '../../document/evidence.ts'
import type { VariableRead } from '../../observe/observation.ts'
import type { EnvironmentSchema } from '../../subject/subject.ts'
import { notAvailable } from '../rows.ts'

export const environment: Collector = { section: 'environment', collect: collectEnvironment }

async function collectEnvironment({ subject, service }: Context): Promise<Row[]> {
  const { variables } = await subject.observe()
  if (!service) return withoutSchema(variables)
  const schema = service.internals.environmentSchema
  if (schema === undefined) {
    return [notAvailable('environment', 'the config module exports no EnvironmentSchema')]
  }
  const rows = Object.entries(schema.properties).map(([name, property]) =>
    rowOf(name, property, schema, variables),
  )
  const others = variables.filter(({ name }) => !(name in schema.properties))
  return [...rows, ...others.map(variable => undocumented(variable, 'not in the config schema'))]
}

function rowOf(
  name: string,
  { description, default: fallback }: EnvironmentSchema['properties'][string],
  schema: EnvironmentSchema,
  reads: readonly VariableRead[],
): Row {
  const isRequired = schema.required?.includes(name) === true && fallback === undefined
  const isDescribed = description !== undefined && description.trim() !== ''
  const sources = reads
    .filter(read => read.name === name)
    .map(({ place }): Evidence => ({ kind: 'source', ...place }))
  return {
    id: name,
    cells: [name, isDescribed ? description : 'fails: not documented', isRequired ? 'Yes' : 'No'],
    state: isDescribed ? 'pass' : 'fail',
    evidence: some([
      fact('description in the config schema', isDescribed ? 'there' : 'none', {
        is: 'there',
        met: isDescribed,
      }),
      fact('required without a default in the config schema', isRequired ? 'yes' : 'no'),
      ...sources,
    ]),
  }
}

function undocumented({ name, place }: VariableRead, why: string): Row {
  return {
    id: name,
    cells: [name, `fails: not documented (${why}; read at ${place.file}:${place.line})`, 'No'],
    state: 'fail',
    evidence: [fact('read by the running code', `${place.file}:${place.line}`), { kind: 'source', ...place }],
  }
}

/** Without a schema only the names are known: the variables that the app's own code has read. */
function withoutSchema(variables: readonly VariableRead[]): Row[] {
  const why = 'the app has no config schema'
  if (variables.length === 0) return [notAvailable('environment', `${why}, and its code read no variable`)]
  return variables.map(({ name, place }) => ({
    id: name,
    cells: [name, `not available: ${why}`, 'No'],
    state: 'not verified',
    evidence: [fact('read by the running code', `${place.file}:${place.line}`), { kind: 'source', ...place }],
  }))
}
