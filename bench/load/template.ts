/** Fills the placeholders of a scenario's requests: `{{users.id}}`, `{{session.accessToken}}`, `{{counter}}`. */
import { validateHeaderName } from 'node:http'
import type { Endpoint } from '../scenario.ts'
import { pick, type Random } from '../stats/random.ts'
import type { WireRequest } from './connection.ts'

export type Row = Record<string, string>
export type Datasets = Record<string, Row[]>

/** What a request is filled from: the data sets, the row that belongs to its connection, and a stream of chance. */
export type Source = {
  data: Datasets
  session: Row
  random: Random
  count: () => number
}

export type Render = (source: Source) => WireRequest

type Lookup = (placeholder: string) => string

/** Methods whose requests say their length even where they have no body (RFC 9110, section 8.6). */
const WITH_LENGTH = new Set(['POST', 'PUT', 'PATCH'])

/**
 * Returns a function that fills the endpoint's request to `host`. One request takes all fields of a data set from the same
 * random row; `session` is the row of its connection. Throws on what could not be sent, and, when called, on a data set or
 * field that is not there.
 */
export function compileEndpoint(endpoint: Endpoint, host: string): Render {
  const isHead = endpoint.method === 'HEAD'
  const isText = typeof endpoint.body === 'string'
  const headers = { ...defaultHeaders(endpoint, host), ...endpoint.headers }
  const head = compileParts([
    { text: `${endpoint.method} `, quote: verbatim },
    { text: checkedPath(endpoint), quote: encodeURIComponent },
    { text: ' HTTP/1.1\r\n', quote: verbatim },
    ...Object.entries(headers).map(([name, value]) => headerLine(endpoint, name, value)),
  ])
  const body = compileParts([{ text: bodyText(endpoint), quote: isText ? verbatim : insideJson }])
  const hasLength = hasHeader(endpoint, 'content-length') || hasHeader(endpoint, 'transfer-encoding')
  const saysLength = !hasLength && (endpoint.body !== undefined || WITH_LENGTH.has(endpoint.method))
  return source => {
    const lookup = createLookup(source)
    const start = head(lookup)
    const end = body(lookup)
    const length = saysLength ? `content-length: ${Buffer.byteLength(end)}\r\n` : ''
    return { text: `${start}${length}\r\n${end}`, isHead }
  }
}

function defaultHeaders(endpoint: Endpoint, host: string): Record<string, string> {
  const isJson = endpoint.body !== undefined && typeof endpoint.body !== 'string'
  const defaults = {
    host,
    // HTTP/1.0 servers close a connection unless they are asked not to.
    connection: 'keep-alive',
    ...(isJson && { 'content-type': 'application/json' }),
  }
  return Object.fromEntries(Object.entries(defaults).filter(([name]) => !hasHeader(endpoint, name)))
}

function hasHeader({ headers = {} }: Endpoint, wanted: string): boolean {
  return Object.keys(headers).some(name => name.toLowerCase() === wanted)
}

function bodyText({ body }: Endpoint): string {
  if (body === undefined) return ''
  return typeof body === 'string' ? body : JSON.stringify(body)
}

function checkedPath({ name, path }: Endpoint): string {
  // A placeholder may have spaces within its braces.
  if (/[^\x21-\x7e]/.test(path.replaceAll(PLACEHOLDER, ''))) {
    throw new Error(`the path of ${name} must be percent-encoded`)
  }
  return path
}

function headerLine(endpoint: Endpoint, name: string, value: string): Part {
  try {
    validateHeaderName(name)
  } catch {
    throw new Error(`${endpoint.name} has a header without a valid name: "${name}"`)
  }
  const check = (filled: string): string => {
    if (/[\r\n\0]/.test(filled))
      throw new Error(`the header ${name} of ${endpoint.name} has a line break in it`)
    return filled
  }
  return { text: `${name}: ${check(value)}\r\n`, quote: check }
}

type Part = {
  text: string
  /** Makes a value safe where a placeholder stands. */
  quote: (value: string) => string
}

const PLACEHOLDER = /\{\{\s*([\w.]+)\s*\}\}/g

/** Returns a function that fills the placeholders of all parts and joins them. */
function compileParts(parts: readonly Part[]): (lookup: Lookup) => string {
  let fixed = ''
  const holes: { before: string; placeholder: string; quote: Part['quote'] }[] = []
  for (const { text, quote } of parts) {
    // Splitting on a group keeps it: even pieces are text, odd pieces are names.
    for (const [i, piece] of text.split(PLACEHOLDER).entries()) {
      if (i % 2 === 0) fixed += piece
      else {
        holes.push({ before: fixed, placeholder: piece, quote })
        fixed = ''
      }
    }
  }
  return lookup => {
    let filled = ''
    for (const { before, placeholder, quote } of holes) filled += before + quote(lookup(placeholder))
    return filled + fixed
  }
}

function createLookup(source: Source): Lookup {
  const drawn = new Map<string, Row>()
  return placeholder => {
    if (placeholder === 'counter') return String(source.count())
    const [set = '', field = ''] = placeholder.split('.')
    const value = rowOf(set)[field]
    if (value === undefined)
      throw new Error(`the scenario asks for {{${placeholder}}}, which its data does not have`)
    return value
  }

  function rowOf(set: string): Row {
    if (set === 'session') return source.session
    const known = drawn.get(set)
    if (known) return known
    const rows = source.data[set]
    if (!rows?.length) throw new Error(`the scenario asks for {{${set}.…}}, and there is no such data`)
    const row = pick(source.random, rows)
    drawn.set(set, row)
    return row
  }
}

function insideJson(value: string): string {
  return JSON.stringify(value).slice(1, -1)
}

function verbatim(value: string): string {
  return value
}
