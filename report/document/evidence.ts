/** The evidence of a row: the TypeBox schemas of its kinds. */
import { type Static, Type } from '@sinclair/typebox'

const CLOSED = { additionalProperties: false }

export const ExchangeSchema = Type.Object(
  {
    kind: Type.Literal('exchange'),
    sent: Type.String({ description: 'what was sent, in words; secrets are named, not quoted' }),
    request: Type.String({ description: 'method and path, without ids of this run' }),
    status: Type.Integer({
      minimum: 0,
      description: '0 where the connection was closed without a response',
    }),
    code: Type.Optional(Type.String({ description: 'the error code in the response' })),
    headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    expected: Type.Optional(Type.String({ description: 'the expected response' })),
    met: Type.Optional(Type.Boolean({ description: 'whether the response was as expected' })),
  },
  { ...CLOSED, description: 'a request to the live server, and its response' },
)

export const FactSchema = Type.Object(
  {
    kind: Type.Literal('fact'),
    what: Type.String(),
    value: Type.String(),
    expected: Type.Optional(Type.String()),
    met: Type.Optional(Type.Boolean()),
  },
  { ...CLOSED, description: 'a value read from the live system' },
)

export const SourceSchema = Type.Object(
  { kind: Type.Literal('source'), file: Type.String(), line: Type.Integer({ minimum: 1 }) },
  { ...CLOSED, description: 'a place in the source' },
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
  { ...CLOSED, description: 'a number that differs from run to run' },
)

export const ScopeSchema = Type.Object(
  {
    kind: Type.Literal('scope'),
    expected: Type.String({ description: 'what every one of the responses must be' }),
    requests: Type.Integer({ minimum: 1, description: 'how many requests were sent' }),
    met: Type.Integer({ minimum: 0, description: 'how many of the responses were as expected' }),
    routes: Type.Integer({ minimum: 0, description: 'how many routes were asked' }),
    methods: Type.Array(Type.String()),
    statuses: Type.Array(Type.Integer({ minimum: 0 })),
    actors: Type.Array(Type.String(), { description: 'who sent the requests' }),
  },
  { ...CLOSED, description: 'the breadth of a check over many requests' },
)

export const EvidenceSchema = Type.Union([
  ExchangeSchema,
  FactSchema,
  SourceSchema,
  MeasurementSchema,
  ScopeSchema,
])

export type Exchange = Static<typeof ExchangeSchema>
export type Fact = Static<typeof FactSchema>
export type Source = Static<typeof SourceSchema>
export type Measurement = Static<typeof MeasurementSchema>
export type ScopeEvidence = Static<typeof ScopeSchema>
export type Evidence = Static<typeof EvidenceSchema>

/** A list of evidence with at least one item, as every row has. */
export type SomeEvidence = readonly [Evidence, ...Evidence[]]

/** Returns a fact as evidence, with its expected value where there is one. */
export function fact(what: string, value: string, expected?: { is: string; met: boolean }): Fact {
  return { kind: 'fact', what, value, ...(expected && { expected: expected.is, met: expected.met }) }
}

/** Returns the list as one with at least one item. Throws where it is empty. */
export function some(evidence: readonly Evidence[]): SomeEvidence {
  const [first, ...rest] = evidence
  if (!first) throw new Error('a row without evidence')
  return [first, ...rest]
}
