/** The published form of a result: the TypeBox schema that `result.schema.json` is made from. */
import { type Static, Type } from '@sinclair/typebox'

/** Raised when a field changes its meaning or goes; a new optional field leaves it alone. */
export const schemaVersion = 1

const closed = { additionalProperties: false }
const count = Type.Integer({ minimum: 0 })
const amount = Type.Number({ minimum: 0 })

export const EndpointFiguresSchema = Type.Object(
  {
    name: Type.String(),
    requests: Type.Integer({ minimum: 0, description: 'answers with an expected status, inside the window' }),
    statuses: Type.Record(Type.String(), count),
    unexpected: Type.Integer({ minimum: 0, description: 'answers with any other status' }),
    histogram: Type.String({
      description: 'HdrHistogram V2, compressed, base64: latency in µs, expected statuses',
    }),
  },
  closed,
)

export const GeneratorFiguresSchema = Type.Object(
  {
    cpu: Type.Number({ minimum: 0, description: 'CPU seconds per second of the load generator' }),
    utilisation: Type.Number({ minimum: 0, maximum: 1, description: 'of its event loop' }),
    lateP50Ms: Type.Optional(
      Type.Number({ description: 'open loop: how late it came to intended instants' }),
    ),
    lateP99Ms: Type.Optional(Type.Number()),
  },
  closed,
)

export const ServerFiguresSchema = Type.Object(
  {
    cpuUsPerRequest: amount,
    cpu: Type.Number({ minimum: 0, description: 'CPU seconds per second' }),
    eventLoopUtilisation: Type.Number({ minimum: 0, maximum: 1 }),
    gcPauseMs: amount,
    gcCount: count,
    rssBytes: count,
    queriesPerRequest: Type.Optional(amount),
    poolWaitMsPerRequest: Type.Optional(amount),
  },
  closed,
)

export const MeasurementSchema = Type.Object(
  {
    startedAt: Type.Integer({ description: 'ms since 1970' }),
    seconds: Type.Number({ minimum: 0, description: 'length of the window of recording' }),
    rate: Type.Number({ minimum: 0, description: 'expected answers per second' }),
    intendedRate: Type.Optional(
      Type.Number({ description: 'open loop: requests per second it was asked for' }),
    ),
    failures: Type.Record(Type.String(), count, { description: 'requests without an answer, by reason' }),
    endpoints: Type.Array(EndpointFiguresSchema, { minItems: 1 }),
    timeline: Type.Object({ bucketMs: count, counts: Type.Array(count) }, closed),
    generator: GeneratorFiguresSchema,
    server: Type.Optional(ServerFiguresSchema),
    void: Type.Optional(Type.String({ description: 'why these figures must not be used' })),
  },
  closed,
)

export type EndpointFigures = Static<typeof EndpointFiguresSchema>
export type GeneratorFigures = Static<typeof GeneratorFiguresSchema>
export type ServerFigures = Static<typeof ServerFiguresSchema>
export type Measurement = Static<typeof MeasurementSchema>
