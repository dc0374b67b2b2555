/** The variables of OpenTelemetry's SDK that the service supports, each with its format and description. */
import { readFileSync } from 'node:fs'
import { type Static, Type } from '@sinclair/typebox'
import { SERVICE_NAME } from './service-name.ts'

const Milliseconds = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1, description }))

const Limit = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1, description }))

const OneOf = <const T extends string>(values: readonly T[], description: string) =>
  Type.Optional(
    Type.Unsafe<T>(
      Type.Union(
        values.map(value => Type.Literal(value)),
        { description },
      ),
    ),
  )

const Url = (description: string) =>
  Type.Optional(
    Type.String({
      format: 'http-url',
      rule: 'a URL that begins with http:// or https://',
      description,
    }),
  )

const Pairs = (description: string) =>
  Type.Optional(
    Type.String({
      format: 'key-value-pairs',
      rule: 'key=value pairs, separated by commas and percent-encoded, such as team=core,region=eu%2C1',
      description,
    }),
  )

const Headers = (description: string) =>
  Type.Optional(
    Type.String({
      format: 'header-pairs',
      rule: 'name=value pairs of headers, separated by commas and percent-encoded, such as x-key=a%20b',
      description,
    }),
  )

const File = (description: string) =>
  Type.Optional(
    Type.String({ format: 'pem-file', rule: 'the path of a PEM file that can be read', description }),
  )

const LEVELS = ['none', 'error', 'warn', 'info', 'debug', 'verbose', 'all']
const PROTOCOLS = ['http/json', 'http/protobuf'] as const
const COMPRESSIONS = ['none', 'gzip'] as const

/** The names of the samplers; a `parentbased_` one keeps the caller's decision. */
const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const

/** Share of traces by default. The specification's default would record every request. */
export const DEFAULT_RATIO = 0.1

/** OTLP's port for HTTP on this host: the specification's default where an exporter has no address. */
export const DEFAULT_ENDPOINT = 'http://localhost:4318'

/**
 * The settings by the names of OpenTelemetry's specification, "Environment Variable Specification" and "OpenTelemetry
 * Protocol Exporter". A variable for traces overrides the one for all signals.
 */
export const telemetryProperties = {
  OTEL_SDK_DISABLED: Type.Optional(
    Type.String({
      pattern: '^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$',
      rule: 'true or false',
      description: 'true turns tracing off; the other OTEL_ variables then do nothing',
    }),
  ),
  OTEL_TRACES_EXPORTER: OneOf(
    ['otlp', 'none'],
    `Where traces go; otlp sends them to ${DEFAULT_ENDPOINT} unless an endpoint is set`,
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: Url(
    'OTLP/HTTP collector, to whose path v1/traces is added; without an endpoint tracing is off',
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Url('The whole URL that traces are sent to, as it is'),
  OTEL_EXPORTER_OTLP_PROTOCOL: OneOf(PROTOCOLS, 'Form of what is sent; http/json unless set'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: OneOf(PROTOCOLS, 'The same, of traces'),
  OTEL_EXPORTER_OTLP_HEADERS: Headers('Headers of each export, such as a key of the collector'),
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: Headers('The same, of traces; these are added to the others'),
  OTEL_EXPORTER_OTLP_TIMEOUT: Milliseconds(
    'Longest wait for the collector, in milliseconds; 10000 unless set',
  ),
  OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: Milliseconds('The same, of traces'),
  OTEL_EXPORTER_OTLP_COMPRESSION: OneOf(COMPRESSIONS, 'Compression of what is sent; none unless set'),
  OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: OneOf(COMPRESSIONS, 'The same, of traces'),
  OTEL_EXPORTER_OTLP_CERTIFICATE: File('PEM file of the authorities that the collector is checked by'),
  OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: File('The same, of traces'),
  OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: File('PEM file of the certificate that is shown to the collector'),
  OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: File('The same, of traces'),
  OTEL_EXPORTER_OTLP_CLIENT_KEY: File('PEM file of the private key of that certificate'),
  OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: File('The same, of traces'),
  OTEL_TRACES_SAMPLER: OneOf(
    SAMPLERS,
    'Which traces are recorded; parentbased_traceidratio unless set: the decision of a caller that sends traceparent is kept',
  ),
  OTEL_TRACES_SAMPLER_ARG: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 1,
      description: `Share of traces that a sampler by ratio records, 0 to 1; ${DEFAULT_RATIO} unless set, 1 where OTEL_TRACES_SAMPLER is`,
    }),
  ),
  OTEL_PROPAGATORS: Type.Optional(
    Type.String({
      pattern: '^\\s*(none|(tracecontext|baggage)(\\s*,\\s*(tracecontext|baggage))*)\\s*$',
      rule: 'none, or a list of tracecontext and baggage',
      description: 'Headers that are read from callers and passed on; tracecontext,baggage unless set',
    }),
  ),
  OTEL_SERVICE_NAME: Type.String({
    minLength: 1,
    default: SERVICE_NAME,
    description: 'Name of the service in traces',
  }),
  OTEL_RESOURCE_ATTRIBUTES: Pairs(
    'Attributes of the service in traces; OTEL_SERVICE_NAME comes before service.name',
  ),
  OTEL_LOG_LEVEL: Type.Optional(
    Type.String({
      pattern: `^(${LEVELS.flatMap(level => [level, level.toUpperCase()]).join('|')})$`,
      rule: `one of ${LEVELS.join(', ')}`,
      description: 'What the SDK itself writes to the log; nothing unless set',
    }),
  ),
  OTEL_BSP_SCHEDULE_DELAY: Milliseconds(
    'Longest time that spans are gathered, in milliseconds; 5000 unless set',
  ),
  OTEL_BSP_EXPORT_TIMEOUT: Milliseconds('Longest export of a batch, in milliseconds; 2000 unless set'),
  OTEL_BSP_MAX_QUEUE_SIZE: Limit('Spans that wait to be sent; more are dropped; 2048 unless set'),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: Limit('Spans that are sent together; 128 unless set'),
  OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: Limit('Longest value of an attribute; no limit unless set'),
  OTEL_ATTRIBUTE_COUNT_LIMIT: Limit('Most attributes; 128 unless set'),
  OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: Limit('The same as OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, of spans'),
  OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: Limit('The same as OTEL_ATTRIBUTE_COUNT_LIMIT, of spans'),
  OTEL_SPAN_EVENT_COUNT_LIMIT: Limit('Most events of a span; 128 unless set'),
  OTEL_SPAN_LINK_COUNT_LIMIT: Limit('Most links of a span; 128 unless set'),
  OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: Limit('Most attributes of an event; 128 unless set'),
  OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: Limit('Most attributes of a link; 128 unless set'),
}

const TelemetrySchema = Type.Object(telemetryProperties)

export type TelemetrySettings = Static<typeof TelemetrySchema>

/** Returns the pairs of a value like `a=1,b=x%20y`, in order; undefined where it has another form. */
export function parsePairs(text: string): [key: string, value: string][] | undefined {
  const pairs = text
    .split(',')
    .map(pair => pair.trim())
    .filter(Boolean)
    .map(pair => {
      const [, key = '', value = ''] = /^([^=]+)=(.*)$/s.exec(pair) ?? []
      return [decode(key), decode(value)] as const
    })
  const isValid = pairs.every(([key, value]) => key !== undefined && key !== '' && value !== undefined)
  return isValid ? pairs.map(([key = '', value = '']) => [key, value]) : undefined
}

/** The formats of OpenTelemetry's variables, as functions for ajv. */
export const telemetryFormats: readonly [name: string, isValid: (text: string) => boolean][] = [
  ['key-value-pairs', text => parsePairs(text) !== undefined],
  ['http-url', text => /^https?:\/\/\S+$/.test(text) && URL.canParse(text)],
  ['pem-file', file => readPem(file) !== undefined],
  ['header-pairs', text => parsePairs(text)?.every(([name, value]) => isHeader(name, value)) ?? false],
]

/** Returns whether a header is valid (RFC 9110 §5.1, §5.5): a token, and visible characters, spaces and tabs. */
function isHeader(name: string, value: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.trim())
  } catch {
    return undefined
  }
}

/** Returns the text of a PEM file; undefined where it cannot be read, or is none. */
export function readPem(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8')
    return text.includes('-----BEGIN ') ? text : undefined
  } catch {
    return undefined
  }
}
