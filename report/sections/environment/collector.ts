/** Environment Variables Added: the variables in the config schema, and others that the running code has read. */
import type { Collector, Context } from '../../context.ts'
import type { Row } from '../../document/document.ts'
import { type Evidence, fact, some } from '../../document/evidence.ts'
import type { DeclaredSetting, VariableRead } from '../../observe/observation.ts'
import type { EnvironmentSchema } from '../../subject/subject.ts'
import { notAvailable } from '../rows.ts'

export const environment: Collector = { section: 'environment', collect: collectEnvironment }

async function collectEnvironment({ subject, service }: Context): Promise<Row[]> {
  const { variables, settings } = await subject.observe()
  if (!service) return foreignRows(variables, settings)
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

/** The variables that the app's schemas declare, and others that its own code has read. */
function foreignRows(variables: readonly VariableRead[], settings: readonly DeclaredSetting[]): Row[] {
  const declared = new Set(settings.map(({ name }) => name))
  const others = variables.filter(({ name }) => !declared.has(name))
  if (declared.size + others.length === 0) {
    return [notAvailable('environment', 'the app has no config schema, and its code read no variable')]
  }
  return [...settings.map(declaredRow), ...others.map(readRow)]
}

function declaredRow({ name, description, isRequired }: DeclaredSetting): Row {
  return {
    id: name,
    cells: [name, description ?? 'not available: its schema has no description', isRequired ? 'Yes' : 'No'],
    state: description === undefined ? 'not verified' : 'pass',
    evidence: [
      fact("declared in the schema of the app's settings", isRequired ? 'required' : 'not required'),
    ],
  }
}

/** Without a schema only the name is known. */
function readRow({ name, place }: VariableRead): Row {
  return {
    id: name,
    cells: [name, 'not available: the app has no config schema', 'No'],
    state: 'not verified',
    evidence: [fact('read by the running code', `${place.file}:${place.line}`), { kind: 'source', ...place }],
  }
}
