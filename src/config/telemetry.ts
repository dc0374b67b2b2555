/** Reads OpenTelemetry's variables into the tracing configuration, and refuses those that the service does not support. */
import {
  DEFAULT_ENDPOINT,
  DEFAULT_RATIO,
  parsePairs,
  readPem,
  type TelemetrySettings,
  telemetryProperties,
} from './telemetry-schema.ts'

type Environment = Record<string, string | undefined>

/** Variables of the specification that are not supported. The value `none` is accepted for the exporters. */
const REFUSED: readonly [names: RegExp, reason: string][] = [
  [/^OTEL_METRICS_EXPORTER$/, 'metrics are served at /metrics alone: leave it out, or set it to none'],
  [/^OTEL_LOGS_EXPORTER$/, 'logs are written to standard output alone: leave it out, or set it to none'],
  [/^OTEL_(METRIC_EXPORT|METRICS|EXPORTER_OTLP_METRICS)_/, 'metrics are served at /metrics alone'],
  [/^OTEL_(BLRP|LOGRECORD|EXPORTER_OTLP_LOGS)_/, 'logs are written to standard output alone'],
  [/^OTEL_EXPORTER_OTLP_(TRACES_)?INSECURE$/, 'it is for gRPC, and traces are sent over HTTP'],
  [/^OTEL_EXPORTER_(ZIPKIN|JAEGER|PROMETHEUS)_/, 'traces are sent over OTLP alone'],
  [/^OTEL_(EXPERIMENTAL_)?CONFIG_FILE$/, 'the settings are environment variables alone'],
  [/^OTEL_NODE_/, 'the service has an instrumentation of its own, and detects no resources'],
  [/^OTEL_INSTRUMENTATION_/, 'the service has an instrumentation of its own'],
  [/^OTEL_SEMCONV_STABILITY_OPT_IN$/, 'spans follow the stable conventions for HTTP already'],
  [/^OTEL_ENTITIES$/, 'entities are not supported: use OTEL_RESOURCE_ATTRIBUTES'],
]

/** Returns a problem for each variable that is not supported; none where the SDK is turned off. */
export function telemetryProblems(environment: Environment): string[] {
  if (isDisabled(environment.OTEL_SDK_DISABLED)) return []
  const refused = Object.keys(environment).flatMap(name => {
    const [, reason] = REFUSED.find(([names]) => names.test(name)) ?? []
    const saysNone = /^OTEL_(METRICS|LOGS)_EXPORTER$/.test(name) && environment[name]?.trim() === 'none'
    return reason === undefined || saysNone ? [] : [`${name} is not supported: ${reason}`]
  })
  return [...refused, ...batchProblems(environment)]
}

/** Returns the variables with OpenTelemetry's prefix that are unknown to the specification and to this service. */
export function unknownTelemetry(environment: Environment): string[] {
  return Object.keys(environment).filter(
    name =>
      name.startsWith('OTEL_') &&
      !Object.hasOwn(telemetryProperties, name) &&
      !REFUSED.some(([names]) => names.test(name)),
  )
}

function isDisabled(value: string | undefined): boolean {
  return value?.toLowerCase() === 'true'
}

function batchProblems({
  OTEL_BSP_MAX_QUEUE_SIZE: queue = '2048',
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: batch = '128',
}: Environment): string[] {
  return Number(batch) > Number(queue)
    ? ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE must not be above OTEL_BSP_MAX_QUEUE_SIZE']
    : []
}

/**
 * Returns the tracing configuration. Without an exporter nothing is recorded, and the next service must not be told
 * otherwise: a caller's decision is passed on, and no trace that begins here is sampled.
 */
export function toTracing(settings: TelemetrySettings, environment: Environment) {
  const exporter = toExporter(settings)
  const propagators = (settings.OTEL_PROPAGATORS ?? 'tracecontext,baggage')
    .split(',')
    .map(name => name.trim())
  return {
    exporter,
    sampling: {
      ...(exporter === undefined ? { ratio: 0, isParentBased: true } : toSampler(settings)),
      /** Whether a caller's traceparent is read. */
      readsCaller: propagators.includes('tracecontext'),
    },
    passesBaggage: propagators.includes('baggage'),
    resource: toResource(settings, environment),
    sdkLogLevel: settings.OTEL_LOG_LEVEL?.toUpperCase(),
    batch: {
      scheduledDelayMillis: settings.OTEL_BSP_SCHEDULE_DELAY,
      exportTimeoutMillis: settings.OTEL_BSP_EXPORT_TIMEOUT,
      maxQueueSize: settings.OTEL_BSP_MAX_QUEUE_SIZE,
      maxExportBatchSize: settings.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    },
    limits: {
      attributeValueLengthLimit:
        settings.OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT ?? settings.OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT,
      attributeCountLimit: settings.OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT ?? settings.OTEL_ATTRIBUTE_COUNT_LIMIT,
      eventCountLimit: settings.OTEL_SPAN_EVENT_COUNT_LIMIT,
      linkCountLimit: settings.OTEL_SPAN_LINK_COUNT_LIMIT,
      attributePerEventCountLimit: settings.OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT,
      attributePerLinkCountLimit: settings.OTEL_LINK_ATTRIBUTE_COUNT_LIMIT,
    },
  }
}

export type Tracing = ReturnType<typeof toTracing>
export type Exporter = NonNullable<Tracing['exporter']>

/** Returns where and how spans are sent; undefined where tracing is off. */
function toExporter(settings: TelemetrySettings) {
  const { OTEL_TRACES_EXPORTER: chosen } = settings
  const url = endpointOf(settings) ?? (chosen === 'otlp' ? tracesOf(DEFAULT_ENDPOINT) : undefined)
  if (isDisabled(settings.OTEL_SDK_DISABLED) || chosen === 'none' || url === undefined) return undefined
  const read = (file: string | undefined) => (file === undefined ? undefined : readPem(file))
  const headers = [settings.OTEL_EXPORTER_OTLP_HEADERS, settings.OTEL_EXPORTER_OTLP_TRACES_HEADERS]
  return {
    url,
    protocol:
      settings.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? settings.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'http/json',
    headers: Object.fromEntries(headers.flatMap(text => parsePairs(text ?? '') ?? [])),
    timeoutMillis: settings.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT ?? settings.OTEL_EXPORTER_OTLP_TIMEOUT,
    isCompressed:
      (settings.OTEL_EXPORTER_OTLP_TRACES_COMPRESSION ?? settings.OTEL_EXPORTER_OTLP_COMPRESSION) === 'gzip',
    tls: {
      ca: read(settings.OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE ?? settings.OTEL_EXPORTER_OTLP_CERTIFICATE),
      cert: read(
        settings.OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE ??
          settings.OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE,
      ),
      key: read(settings.OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY ?? settings.OTEL_EXPORTER_OTLP_CLIENT_KEY),
    },
  }
}

/** Returns the endpoint of traces: their own as it is, or a path under the common one (OTLP exporter specification). */
function endpointOf(settings: TelemetrySettings): string | undefined {
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own, OTEL_EXPORTER_OTLP_ENDPOINT: base } = settings
  if (own !== undefined) return new URL(own).href
  return base === undefined ? undefined : tracesOf(base)
}

function tracesOf(base: string): string {
  const url = new URL(base)
  url.pathname = url.pathname.replace(/\/?$/, '/v1/traces')
  return url.href
}

function toSampler({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: share }: TelemetrySettings) {
  if (name === undefined) return { ratio: share ?? DEFAULT_RATIO, isParentBased: true }
  const [, parent, root] = /^(parentbased_)?(.*)$/.exec(name) ?? []
  const ratio = root === 'always_on' ? 1 : root === 'always_off' ? 0 : (share ?? 1)
  return { ratio, isParentBased: parent !== undefined }
}

/** Returns the resource. The name is `OTEL_SERVICE_NAME`, else `service.name` of the attributes, else the service's own. */
function toResource(settings: TelemetrySettings, environment: Environment): Record<string, string> {
  const attributes = Object.fromEntries(parsePairs(settings.OTEL_RESOURCE_ATTRIBUTES ?? '') ?? [])
  const isNamed = environment.OTEL_SERVICE_NAME !== undefined || attributes['service.name'] === undefined
  return isNamed ? { ...attributes, 'service.name': settings.OTEL_SERVICE_NAME } : attributes
}
