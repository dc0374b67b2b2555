/** Makes whole responses comparable: what differs from request to request by its nature is replaced by its kind. */
import type { HttpResponse } from '../http.ts'

/** Headers whose value differs with each request, and says nothing about an account. */
const VARYING =
  /^(date|age|keep-alive|(x-)?request-id|x-correlation-id|traceparent|x-trace-id|server-timing)$/
const COUNTER = /^(x-)?ratelimit|^retry-after$/

const VALUES =
  /(?<uuid>[0-9a-f]{8}-[0-9a-f]{4}-(?<version>[0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})|(?<time>\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d))|(?<token>eyJ[\w-]+\.[\w-]+\.[\w-]+|[\w-]{40,})/g

/** Returns the ids, times and tokens in a response: a second response to the same request must have others. */
export function valuesOf({ text }: Pick<HttpResponse, 'text'>): string[] {
  return [...text.matchAll(VALUES)].map(([value]) => value)
}

/**
 * Returns a text that is equal for responses that cannot be told apart: the status, all headers with their values, the
 * length and the body. `own` are texts of the request, such as its address.
 */
export function comparable(
  { status, headers, text }: Pick<HttpResponse, 'status' | 'headers' | 'text'>,
  own: readonly string[] = [],
) {
  const lines = Object.entries(headers)
    .filter(([name]) => !VARYING.test(name))
    .map(([name, value]) => `${name}: ${COUNTER.test(name) ? '' : withoutValues(String(value), own)}`)
  return [status, ...lines.sort(), withoutValues(withoutRequestId(text), own)].join('\n')
}

function withoutRequestId(text: string): string {
  return text.replace(/("request_?id"\s*:\s*)"[^"]*"/i, '$1"…"')
}

function withoutValues(text: string, own: readonly string[]): string {
  const named = own.reduce((all, value) => all.replaceAll(value, `{own ${value.length}}`), text)
  return named.replaceAll(VALUES, (value, ...rest) => {
    const { uuid, version, time } = rest.at(-1) as Record<string, string | undefined>
    if (uuid !== undefined) return `{uuid ${version}}`
    return time === undefined ? '{token}' : `{time ${value.length}}`
  })
}

/** Returns in what two comparable texts differ, in words; undefined where they are equal. */
export function differenceOf(a: string, b: string): string | undefined {
  if (a === b) return undefined
  const [first, second] = [a.split('\n'), b.split('\n')]
  if (first[0] !== second[0]) return 'the status'
  const names = [...first.slice(1, -1), ...second.slice(1, -1)]
    .filter(line => !first.includes(line) || !second.includes(line))
    .map(line => line.slice(0, line.indexOf(':')))
  return names.length > 0 ? [...new Set(names)].join(', ') : 'the body'
}
