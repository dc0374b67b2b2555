/** OpenTelemetry's variables: each one that its SDK documents works, or is refused by name at start. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { TSchema } from '@sinclair/typebox'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ConfigError, type Environment } from '../../src/config/config.ts'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { telemetryProperties } from '../../src/config/telemetry-schema.ts'
import { testConfig } from '../helpers/config.ts'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'
import { type Collector, startCollector } from '../helpers/otlp-collector.ts'
import { startService } from '../helpers/service.ts'

const ENDPOINT = 'http://127.0.0.1:4318'

/**
 * The variables of the specification ("Environment Variable Specification", "OpenTelemetry Protocol Exporter") and of
 * OpenTelemetry for Node.js, without those of the schema, and the values with which each has an effect.
 */
const UNSUPPORTED = [
  'OTEL_METRICS_EXPORTER',
  'OTEL_LOGS_EXPORTER',
  'OTEL_METRICS_EXEMPLAR_FILTER',
  'OTEL_METRIC_EXPORT_INTERVAL',
  'OTEL_METRIC_EXPORT_TIMEOUT',
  'OTEL_BLRP_SCHEDULE_DELAY',
  'OTEL_BLRP_EXPORT_TIMEOUT',
  'OTEL_BLRP_MAX_QUEUE_SIZE',
  'OTEL_BLRP_MAX_EXPORT_BATCH_SIZE',
  'OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT',
  'OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT',
  'OTEL_EXPORTER_OTLP_INSECURE',
  'OTEL_EXPORTER_OTLP_TRACES_INSECURE',
  'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
  'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
  'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION',
  'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT',
  'OTEL_EXPORTER_ZIPKIN_ENDPOINT',
  'OTEL_EXPORTER_ZIPKIN_TIMEOUT',
  'OTEL_EXPORTER_PROMETHEUS_HOST',
  'OTEL_EXPORTER_PROMETHEUS_PORT',
  'OTEL_EXPORTER_JAEGER_ENDPOINT',
  'OTEL_CONFIG_FILE',
  'OTEL_EXPERIMENTAL_CONFIG_FILE',
  'OTEL_NODE_RESOURCE_DETECTORS',
  'OTEL_NODE_ENABLED_INSTRUMENTATIONS',
  'OTEL_NODE_DISABLED_INSTRUMENTATIONS',
  'OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS',
  'OTEL_SEMCONV_STABILITY_OPT_IN',
  'OTEL_ENTITIES',
]

function load(overrides: Environment) {
  return testConfig('postgres://127.0.0.1/some', overrides)
}

function problemsOf(overrides: Environment): string[] {
  try {
    load(overrides)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems
  }
}

describe('a variable that is not supported', () => {
  it.for(UNSUPPORTED)('is refused by its name: %s', name => {
    expect(problemsOf({ [name]: '1' })).toEqual([expect.stringMatching(`^${name} is not supported: .+`)])
    expect(problemsOf({ [name]: '1', OTEL_SDK_DISABLED: 'true' })).toEqual([])
  })

  it('is not refused where its value is the behaviour of the service', () => {
    expect(problemsOf({ OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' })).toEqual([])
  })

  it.for([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:99999'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'https://[::1/v1'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'http://a b/'],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote'],
    ['OTEL_TRACES_SAMPLER', 'parentbased_jaeger_remote'],
    ['OTEL_TRACES_SAMPLER', 'xray'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_TRACES_EXPORTER', 'console'],
    ['OTEL_TRACES_EXPORTER', 'otlp,console'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'grpc'],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd'],
    ['OTEL_PROPAGATORS', 'b3'],
    ['OTEL_PROPAGATORS', 'tracecontext,jaeger'],
    ['OTEL_SDK_DISABLED', 'yes'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'novalue'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a=%zz'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=b%0d%0ax-evil: 1'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a b=c'],
    ['OTEL_EXPORTER_OTLP_CERTIFICATE', 'no/such/file.pem'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '0'],
    ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', '4096'],
    ['OTEL_LOG_LEVEL', 'loud'],
  ] as const)('has a value that is refused with the name: %s=%s', ([name, value]) => {
    const problems = problemsOf({ [name]: value })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(`${name} must`)
  })

  it('is named in a warning where neither the specification nor the service knows it', () => {
    expect(load({ OTEL_TRACE_SAMPLER: 'always_on', OTEL_SERVICE_NAME: 'x' }).warnings).toEqual([
      expect.stringMatching(/^OTEL_TRACE_SAMPLER does nothing/),
    ])
  })
})

describe('the sampler', () => {
  const sampling = (overrides: Environment) =>
    load({ OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, ...overrides }).tracing.sampling

  it.for([
    [{}, 0.1, true],
    [{ OTEL_TRACES_SAMPLER_ARG: '0.25' }, 0.25, true],
    [{ OTEL_TRACES_SAMPLER: 'always_on' }, 1, false],
    [{ OTEL_TRACES_SAMPLER: 'always_on', OTEL_TRACES_SAMPLER_ARG: '0.5' }, 1, false],
    [{ OTEL_TRACES_SAMPLER: 'always_off' }, 0, false],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio' }, 1, false],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' }, 0.5, false],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_always_on' }, 1, true],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, 0, true],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' }, 0.5, true],
  ] as const)('of %j samples %d of the traces, by parent: %s', ([overrides, ratio, isParentBased]) => {
    expect(sampling(overrides)).toEqual({ ratio, isParentBased, readsCaller: true })
  })
})

describe('the exporter', () => {
  const exporter = (overrides: Environment) => load(overrides).tracing.exporter

  it.for([
    [{}, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT }, `${ENDPOINT}/v1/traces`],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: `${ENDPOINT}/base/` }, `${ENDPOINT}/base/v1/traces`],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: `${ENDPOINT}/base?key=a/b` }, `${ENDPOINT}/base/v1/traces?key=a/b`],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: `${ENDPOINT}?key=1` }, `${ENDPOINT}/v1/traces?key=1`],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${ENDPOINT}/own` }, `${ENDPOINT}/own`],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ENDPOINT }, `${ENDPOINT}/`],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ENDPOINT },
      `${ENDPOINT}/`,
    ],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, 'http://localhost:4318/v1/traces'],
    [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT }, undefined],
    [{ OTEL_SDK_DISABLED: 'TRUE', OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT }, undefined],
    [{ OTEL_SDK_DISABLED: 'false', OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT }, `${ENDPOINT}/v1/traces`],
  ] as const)('of %j sends to %s', ([overrides, url]) => {
    expect(exporter(overrides)?.url).toBe(url)
  })

  it('prefers the variables for traces to those for all signals', () => {
    const own = {
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '1000',
      OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'b=3',
    }
    const common = {
      OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_TIMEOUT: '2000',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'none',
      OTEL_EXPORTER_OTLP_HEADERS: 'a=1%202,b=2',
    }
    expect(exporter(common)).toMatchObject({
      protocol: 'http/json',
      timeoutMillis: 2000,
      isCompressed: false,
      headers: { a: '1 2', b: '2' },
    })
    expect(exporter({ ...common, ...own })).toMatchObject({
      protocol: 'http/protobuf',
      timeoutMillis: 1000,
      isCompressed: true,
      headers: { a: '1 2', b: '3' },
    })
  })
})

describe('an export to a collector', () => {
  const caller = '4bf92f3577b34da6a3ce929d0e0e4736'
  const headers = { traceparent: `00-${caller}-00f067aa0ba902b7-00` }
  let database: TestDatabase

  beforeAll(async () => {
    database = await cloneDatabase()
  })
  afterAll(() => database.drop())

  /** Sends one request to a service with these settings, and returns what its collector has received at the end. */
  async function record(
    settings: Environment,
    requestHeaders: Record<string, string> = {},
  ): Promise<Collector> {
    const collector = await startCollector()
    const service = await startService(database.url, {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER: 'always_on',
      ...settings,
    })
    try {
      await fetch(`${service.origin}/health/live`, { headers: requestHeaders })
    } finally {
      await service.stop()
      await collector.close()
    }
    return collector
  }

  it('has the configured headers, attributes, compression and limits', async () => {
    const { requests } = await record({
      OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=canary',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test,team=a%2Cb,service.name=attribute',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '2',
      OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '3',
    })
    expect(requests[0]).toMatchObject({
      headers: { 'x-api-key': 'canary', 'content-encoding': 'gzip', 'content-type': 'application/json' },
    })
    const { resourceSpans } = JSON.parse(gunzipSync(requests[0]?.body ?? Buffer.alloc(0)).toString())
    const attributes = resourceSpans[0].resource.attributes.map(
      ({ key, value }: { key: string; value: { stringValue: string } }) => [key, value.stringValue],
    )
    expect(Object.fromEntries(attributes)).toMatchObject({
      'deployment.environment': 'test',
      team: 'a,b',
      'service.name': 'attribute',
    })
    const [span] = resourceSpans[0].scopeSpans[0].spans
    expect(span.attributes).toHaveLength(2)
    expect(span.droppedAttributesCount).toBeGreaterThan(0)
    for (const { value } of span.attributes) expect(String(value.stringValue).length).toBeLessThanOrEqual(3)
  })

  it('is protobuf where that is configured', async () => {
    const { requests } = await record({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' })
    expect(requests[0]?.headers['content-type']).toBe('application/x-protobuf')
    expect(requests[0]?.body.includes('GET /health/live')).toBe(true)
  })

  it('does not happen where the SDK is disabled', async () => {
    expect((await record({ OTEL_SDK_DISABLED: 'true' })).requests).toEqual([])
  })

  it('follows the decision of the caller where sampling is parent-based', async () => {
    expect((await record({ OTEL_TRACES_SAMPLER: 'parentbased_always_on' }, headers)).requests).toEqual([])
  })

  it('has the trace of the caller, unless its headers are not to be read', async () => {
    const [heard, deaf] = await Promise.all([
      record({}, headers),
      record({ OTEL_PROPAGATORS: 'none', OTEL_TRACES_SAMPLER: 'parentbased_always_on' }, headers),
    ])
    expect(heard.spans().map(({ traceId }) => traceId)).toEqual([caller])
    expect(deaf.spans()).toHaveLength(1)
    expect(deaf.spans()[0]?.traceId).not.toBe(caller)
  })
})

/** A value for each format that differs from the default. */
const OTHER: Record<string, string> = {
  OTEL_SDK_DISABLED: 'true',
  OTEL_TRACES_EXPORTER: 'none',
  OTEL_TRACES_SAMPLER: 'always_on',
  OTEL_TRACES_SAMPLER_ARG: '0.7',
  OTEL_PROPAGATORS: 'none',
  OTEL_LOG_LEVEL: 'debug',
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
  OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
  OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'gzip',
}

it('has no variable in the schema that nothing reads', () => {
  const folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-pem-`))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'some.pem')
  writeFileSync(file, '-----BEGIN CERTIFICATE-----')
  const otherValue = (name: string, { type, format }: TSchema): string => {
    if (OTHER[name] !== undefined) return OTHER[name]
    if (format === 'pem-file') return file
    if (format === 'http-url') return 'http://127.0.0.1:1'
    return type === 'integer' ? '200' : 'a=b'
  }
  const defaults = JSON.stringify(load({ OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT }).tracing)
  for (const [name, schema] of Object.entries(telemetryProperties)) {
    const { tracing } = load({ OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, [name]: otherValue(name, schema) })
    expect(JSON.stringify(tracing), name).not.toBe(defaults)
  }
})
