/** The published form of a report: the TypeBox schema that `report.schema.json` is made from. */
import { type Static, Type } from '@sinclair/typebox'
import { EvidenceSchema, type SomeEvidence } from './evidence.ts'

/** Raised when a field changes its meaning or goes; a new optional field leaves it alone. */
export const SCHEMA_VERSION = 1

const closed = { additionalProperties: false }

export const StateSchema = Type.Union(
  [Type.Literal('pass'), Type.Literal('fail'), Type.Literal('not verified')],
  { description: 'whether the row was verified in this run' },
)

export const RowSchema = Type.Object(
  {
    id: Type.String({ description: 'unlike any other of its section, and the same in every run' }),
    cells: Type.Array(Type.String(), { minItems: 1, description: 'one for each column of the section' }),
    state: StateSchema,
    volatile: Type.Optional(
      Type.Boolean({ description: 'speaks of this run: another one may truthfully say something else' }),
    ),
    evidence: Type.Array(EvidenceSchema, { minItems: 1 }),
  },
  closed,
)

export const SECTION_IDS = [
  'stack',
  'endpoints',
  'database',
  'middleware',
  'security',
  'performance',
  'files',
  'environment',
] as const

export const SectionSchema = Type.Object(
  {
    id: Type.Union(SECTION_IDS.map(id => Type.Literal(id))),
    title: Type.String(),
    columns: Type.Array(Type.String(), { minItems: 1 }),
    rows: Type.Array(RowSchema),
  },
  closed,
)

export const VersionSchema = Type.Object(
  {
    commit: Type.Union([Type.String(), Type.Null()], { description: 'null outside a git repository' }),
    ref: Type.Optional(Type.String({ description: 'how it was asked for' })),
    dirty: Type.Boolean({ description: 'whether the working tree differed from the commit' }),
  },
  closed,
)

export const ReportSchema = Type.Object(
  {
    kind: Type.Literal('backend-implementation-report'),
    schemaVersion: Type.Literal(SCHEMA_VERSION),
    feature: Type.String({ minLength: 1 }),
    date: Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' }),
    module: Type.String({ description: 'the module that was started' }),
    range: Type.Object({ head: VersionSchema, base: Type.Optional(VersionSchema) }, closed),
    machine: Type.Object(
      {
        cpu: Type.String(),
        cores: Type.Integer({ minimum: 1 }),
        memoryBytes: Type.Integer({ minimum: 0 }),
        kernel: Type.String(),
        node: Type.String(),
      },
      closed,
    ),
    sections: Type.Array(SectionSchema, { minItems: 1 }),
  },
  { ...closed, $id: 'backend-implementation-report-v1', title: 'Backend Implementation Report' },
)

export type State = Static<typeof StateSchema>
export type SectionId = (typeof SECTION_IDS)[number]
export type Version = Static<typeof VersionSchema>
export type Report = Static<typeof ReportSchema>
export type Section = Report['sections'][number]

/** A row as collectors return it. Without evidence there is none: the type does not allow it. */
export type Row = {
  id: string
  cells: readonly [string, ...string[]]
  state: State
  volatile?: boolean
  evidence: SomeEvidence
}
