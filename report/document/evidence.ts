/** What stands behind a row: the TypeBox schemas of evidence, and of rows that cannot do without. */
import { type Static, Type } from '@sinclair/typebox'

const closed = { additionalProperties: false }

export const ExchangeSchema = Type.Object(
  {
    kind: Type.Literal('exchange'),
    sent: Type.String({ description: 'what was sent, in words; secrets are named, not quoted' }),
    request: Type.String({ description: 'method and path; identifiers of this run are named' }),
    status: Type.Integer({ minimum: 0, description: '0 where the connection was closed without an answer' }),
    code: Type.Optional(Type.String({ description: "the answer's own code of the problem" })),
    headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    expected: Type.Optional(Type.String({ description: 'what the answer had to be' })),
    met: Type.Optional(Type.Boolean({ description: 'whether it was' })),
  },
  { ...closed, description: 'a request to the live server, and its answer' },
)

export const FactSchema = Type.Object(
  {
    kind: Type.Literal('fact'),
    what: Type.String(),
    value: Type.String(),
    expected: Type.Optional(Type.String()),
    met: Type.Optional(Type.Boolean()),
  },
  { ...closed, description: 'something read from the live system' },
)

export const SourceSchema = Type.Object(
  { kind: Type.Literal('source'), file: Type.String(), line: Type.Integer({ minimum: 1 }) },
  { ...closed, description: 'where in the source it stands' },
)

export const MeasurementSchema = Type.Object(
  {
    kind: Type.Literal('measurement'),
    what: Type.String(),
    unit: Type.String(),
    value: Type.Number(),
    samples: Type.Integer({ minimum: 0 }),
    interval: Type.Optional(
      Type.Tuple([Type.Number(), Type.Number()], { description: '95 % bootstrap interval' }),
    ),
    percentiles: Type.Optional(
      Type.Array(Type.Tuple([Type.Number(), Type.Number()]), { description: 'percentile, value' }),
    ),
  },
  { ...closed, description: 'a number that another run would not repeat' },
)

export const EvidenceSchema = Type.Union([ExchangeSchema, FactSchema, SourceSchema, MeasurementSchema])

export type Exchange = Static<typeof ExchangeSchema>
export type Fact = Static<typeof FactSchema>
export type Source = Static<typeof SourceSchema>
export type Measurement = Static<typeof MeasurementSchema>
export type Evidence = Static<typeof EvidenceSchema>

/** At least one: a row is made of it. */
export type SomeEvidence = readonly [Evidence, ...Evidence[]]

/** A fact as evidence, alone or with what it had to be. */
export function fact(what: string, value: string, expected?: { is: string; met: boolean }): Fact {
  return { kind: 'fact', what, value, ...(expected && { expected: expected.is, met: expected.met }) }
}

/** Whether a list holds what a row needs. */
export function isSome(evidence: readonly Evidence[]): evidence is SomeEvidence {
  return evidence.length > 0
}
