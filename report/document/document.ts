/** The published format of a report: the TypeBox schema that `report.schema.json` is generated from. */
import { type Static, Type } from '@sinclair/typebox'
import { EvidenceSchema, type SomeEvidence } from './evidence.ts'
import { SUPPLEMENT_FIELDS } from './supplement.ts'

/** Incremented when a field changes its meaning or is removed. A new optional field does not change it. */
export const SCHEMA_VERSION = 1

const CLOSED = { additionalProperties: false }

export const StateSchema = Type.Union(
  [Type.Literal('pass'), Type.Literal('fail'), Type.Literal('not verified')],
  { description: 'whether the row was verified in this run' },
)

/** In a report of a change: how a row differs from the base. A slower row fails, and has an exit code of its own. */
const ChangeSchema = Type.Union(
  (['added', 'changed', 'removed', 'unchanged', 'slower'] as const).map(change => Type.Literal(change)),
  { description: 'how the row differs from the base' },
)

export const RowSchema = Type.Object(
  {
    id: Type.String({ description: 'unique in its section, and the same in every run' }),
    cells: Type.Array(Type.String(), { minItems: 1, description: 'one per column of the section' }),
    state: StateSchema,
    volatile: Type.Optional(
      Type.Boolean({ description: 'true where another run may have another correct value' }),
    ),
    change: Type.Optional(ChangeSchema),
    evidence: Type.Array(EvidenceSchema, { minItems: 1 }),
  },
  CLOSED,
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
  CLOSED,
)

export const VersionSchema = Type.Object(
  {
    commit: Type.Union([Type.String(), Type.Null()], { description: 'null outside a git repository' }),
    ref: Type.Optional(Type.String({ description: 'the ref that was given' })),
    dirty: Type.Boolean({ description: 'whether the working tree differed from the commit' }),
  },
  CLOSED,
)

export const ReportSchema = Type.Object(
  {
    kind: Type.Literal('backend-implementation-report'),
    schemaVersion: Type.Literal(SCHEMA_VERSION),
    feature: Type.String({ minLength: 1 }),
    date: Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' }),
    module: Type.String({ description: 'the module that was started' }),
    range: Type.Object({ head: VersionSchema, base: Type.Optional(VersionSchema) }, CLOSED),
    machine: Type.Object(
      {
        cpu: Type.String(),
        cores: Type.Integer({ minimum: 1 }),
        memoryBytes: Type.Integer({ minimum: 0 }),
        kernel: Type.String(),
        node: Type.String(),
      },
      CLOSED,
    ),
    sections: Type.Array(SectionSchema, { minItems: 1 }),
    ...SUPPLEMENT_FIELDS,
  },
  { ...CLOSED, $id: 'backend-implementation-report-v1', title: 'Backend Implementation Report' },
)

export type State = Static<typeof StateSchema>
export type SectionId = (typeof SECTION_IDS)[number]
export type Version = Static<typeof VersionSchema>
export type Report = Static<typeof ReportSchema>
export type Section = Report['sections'][number]

/** A row as collectors return it. The type does not allow a row without evidence. */
export type Row = {
  id: string
  cells: readonly [string, ...string[]]
  state: State
  volatile?: boolean
  change?: Static<typeof ChangeSchema>
  evidence: SomeEvidence
}

/** The rows of sections, before they are a document. */
export type Rows = Partial<Record<SectionId, Row[]>>
