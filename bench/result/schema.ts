/** The published form of a result: the TypeBox schema that `result.schema.json` is made from. */
import { type Static, Type } from '@sinclair/typebox'

/** Raised when a field changes its meaning or goes; a new optional field leaves it alone. */
export const SCHEMA_VERSION = 1

const closed = { additionalProperties: false }
const count = Type.Integer({ minimum: 0 })
const amount = Type.Number({ minimum: 0 })

export const EndpointFiguresSchema = Type.Object(
  {
    name: Type.String(),
    requests: Type.Integer({
      minimum: 0,
      description: 'responses with an expected status, inside the window',
    }),
    statuses: Type.Record(Type.String(), count),
    unexpected: Type.Integer({ minimum: 0, description: 'responses with any other status' }),
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
    rate: Type.Number({ minimum: 0, description: 'expected responses per second' }),
    intendedRate: Type.Optional(
      Type.Number({ description: 'open loop: requests per second it was asked for' }),
    ),
    warmupSeconds: Type.Optional(
      Type.Number({ minimum: 0, description: 'open loop: seconds of load before the window' }),
    ),
    failures: Type.Record(Type.String(), count, { description: 'requests without a response, by reason' }),
    connects: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          'connections opened again inside the window: the server closes them. No latency has that time in it',
      }),
    ),
    endpoints: Type.Array(EndpointFiguresSchema, { minItems: 1 }),
    timeline: Type.Object({ bucketMs: count, counts: Type.Array(count) }, closed),
    generator: GeneratorFiguresSchema,
    server: Type.Optional(ServerFiguresSchema),
    void: Type.Optional(Type.String({ description: 'why these figures must not be used' })),
    othersCpu: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'share of all cores that processes other than ours took; absent where that is not known',
      }),
    ),
    fork: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'ab: the processes it was measured on, counted from 0',
      }),
    ),
  },
  closed,
)

export type EndpointFigures = Static<typeof EndpointFiguresSchema>
export type GeneratorFigures = Static<typeof GeneratorFiguresSchema>
export type ServerFigures = Static<typeof ServerFiguresSchema>
export type Measurement = Static<typeof MeasurementSchema>

export const FingerprintSchema = Type.Object(
  {
    machine: Type.Object(
      {
        cpu: Type.String(),
        cores: count,
        memoryBytes: count,
        kernel: Type.String(),
        node: Type.String(),
        postgres: Type.Optional(Type.String()),
      },
      { ...closed, description: 'results of two machines are not compared' },
    ),
    code: Type.Object(
      {
        commit: Type.Optional(Type.String()),
        dirty: Type.Optional(Type.Boolean()),
        lockfile: Type.Optional(
          Type.String({ description: 'first 16 digits of the SHA-256 of package-lock.json' }),
        ),
      },
      { ...closed, description: 'what may differ between two results that are compared' },
    ),
  },
  closed,
)

export const LoadOptionsSchema = Type.Object(
  {
    mode: Type.Union([Type.Literal('closed'), Type.Literal('open')]),
    connections: Type.Integer({ minimum: 1 }),
    forks: Type.Optional(
      Type.Integer({ minimum: 1, description: 'ab: how often both versions were started anew' }),
    ),
    rounds: Type.Integer({ minimum: 1, description: 'of each scenario; ab: with each fork' }),
    duration: Type.Number({ exclusiveMinimum: 0, description: 'seconds recorded in each round' }),
    warmup: Type.Number({
      minimum: 0,
      description: 'seconds before a scenario is recorded for the first time; sweep: before each load',
    }),
    steady: Type.Optional(
      Type.Object(
        {
          window: Type.Number({ exclusiveMinimum: 0, description: 'seconds' }),
          most: Type.Integer({ minimum: 1, description: 'windows after which it is recorded in any case' }),
        },
        { ...closed, description: 'warm-up in windows, until none is much better than those before it' },
      ),
    ),
    rate: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: 'open loop: requests per second' })),
    arrivals: Type.Optional(Type.Union([Type.Literal('constant'), Type.Literal('poisson')])),
    timeout: Type.Number({ exclusiveMinimum: 0 }),
    busyLimit: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1,
        description: 'a round in which others took a larger share of all cores is disturbed',
      }),
    ),
    seed: Type.Integer(),
  },
  closed,
)

export const WarmupSchema = Type.Object(
  {
    seconds: amount,
    steady: Type.Boolean({ description: 'false where it was still getting faster when it was recorded' }),
    figures: Type.Array(amount, {
      description: 'of each window: responses per second, or in an open loop the mean latency in ms',
    }),
  },
  { ...closed, description: 'load before the first round; absent where its length was chosen by hand' },
)

export const SweepSchema = Type.Object(
  {
    by: Type.Union([Type.Literal('rate'), Type.Literal('connections')]),
    scenario: Type.String(),
    subject: Type.Optional(Type.String({ description: 'where several were measured' })),
    slo: Type.Optional(Type.Object({ percentile: amount, ms: amount }, closed)),
    warmup: Type.Optional(WarmupSchema),
    capacity: Type.Optional(
      Type.Number({ description: 'highest rate that kept the objective; absent where that cannot be told' }),
    ),
    closed: Type.Optional(MeasurementSchema),
    steps: Type.Array(
      Type.Object(
        {
          level: Type.Number(),
          kept: Type.Optional(Type.Boolean({ description: 'absent where the figures are void' })),
          missed: Type.Optional(
            Type.Union([Type.Literal('late'), Type.Literal('errors'), Type.Literal('rate not reached')], {
              description: 'why the objective was not kept',
            }),
          ),
          measurement: MeasurementSchema,
        },
        closed,
      ),
    ),
  },
  closed,
)

export const MemorySchema = Type.Object(
  {
    subject: Type.String(),
    processes: Type.Integer({ minimum: 1 }),
    startBytes: Type.Integer({
      minimum: 0,
      description: 'resident set of all its processes, before any load',
    }),
    perConnectionBytes: Type.Number({ description: 'what an idle connection adds to it' }),
  },
  closed,
)

export const ScenarioResultSchema = Type.Object(
  { name: Type.String(), rounds: Type.Array(MeasurementSchema), warmup: Type.Optional(WarmupSchema) },
  closed,
)

export const CoresSchema = Type.Object(
  {
    measured: Type.String({ description: 'of the versions' }),
    others: Type.String({ description: 'of the load generator and of the database server' }),
  },
  { ...closed, description: 'ab: who was kept on which cores, as lists like 0,1' },
)

const OwnConnectionsSchema = Type.Record(Type.String(), Type.Integer({ minimum: 1 }), {
  description: 'of the scenarios that have a number of their own',
})

export const GroupSchema = Type.Object(
  {
    options: LoadOptionsSchema,
    reference: Type.String({ description: 'the subject that ratios are to' }),
    connections: OwnConnectionsSchema,
    hashMs: Type.Optional(
      Type.Array(amount, {
        description:
          'frameworks: time of a password hash while each core computes one, before each round of logins',
      }),
    ),
    subjects: Type.Array(
      Type.Object({ name: Type.String(), scenarios: Type.Array(ScenarioResultSchema) }, closed),
      { description: 'round i of each was measured in turn with round i of the others' },
    ),
  },
  closed,
)

export const ResultSchema = Type.Object(
  {
    kind: Type.Literal('plumbline-bench'),
    schemaVersion: Type.Literal(SCHEMA_VERSION),
    subject: Type.String({ description: 'what was measured: the service, a git ref or a URL' }),
    createdAt: Type.String(),
    quick: Type.Boolean(),
    cutShort: Type.Boolean({ description: 'ended before all rounds were run' }),
    fingerprint: FingerprintSchema,
    options: LoadOptionsSchema,
    environment: Type.Record(Type.String(), Type.String(), {
      description: 'settings of the service that differ from production',
    }),
    scenarios: Type.Array(ScenarioResultSchema),
    connections: Type.Optional(OwnConnectionsSchema),
    sweeps: Type.Optional(Type.Array(SweepSchema)),
    base: Type.Optional(
      Type.Array(ScenarioResultSchema, {
        description: 'ab: the other version, round i of it measured next to round i of this one',
      }),
    ),
    baseSubject: Type.Optional(Type.String()),
    cores: Type.Optional(CoresSchema),
    memory: Type.Optional(Type.Array(MemorySchema)),
    groups: Type.Optional(Type.Array(GroupSchema, { description: 'several subjects, measured in turns' })),
  },
  { ...closed, $id: 'plumbline-bench-result-v1', title: 'Result of a Plumbline benchmark' },
)

export type Fingerprint = Static<typeof FingerprintSchema>
export type LoadOptions = Static<typeof LoadOptionsSchema>
export type Sweep = Static<typeof SweepSchema>
export type Result = Static<typeof ResultSchema>
export type ScenarioResult = Static<typeof ScenarioResultSchema>
export type Group = Static<typeof GroupSchema>
export type Cores = Static<typeof CoresSchema>
export type Warmup = Static<typeof WarmupSchema>
export type Memory = Static<typeof MemorySchema>
