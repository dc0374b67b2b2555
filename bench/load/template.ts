/** Fills the placeholders of a scenario's requests: `{{users.id}}`, `{{session.accessToken}}`, `{{counter}}`. */
import type { Endpoint } from '../scenario.ts'
import { pick, type Random } from '../stats/random.ts'

export type Row = Record<string, string>
export type Datasets = Record<string, Row[]>

/** A request as it goes on the wire. */
export interface Rendered {
  method: string
  path: string
  headers: Record<string, string>
  body: string | undefined
}

/** What a request is filled from: the data sets, the row that belongs to its connection, and a stream of chance. */
export interface Source {
  data: Datasets
  session: Row
  random: Random
  count: () => number
}

export type Render = (source: Source) => Rendered

/**
 * Returns a function that fills the endpoint's placeholders. One request takes all fields of a data set from the same
 * random row; `session` is the row of its connection. Throws, when called, on a data set or field that is not there.
 */
export function compileEndpoint(endpoint: Endpoint): Render {
  const isText = typeof endpoint.body === 'string'
  const bodyText = isText
    ? endpoint.body
    : endpoint.body === undefined
      ? undefined
      : JSON.stringify(endpoint.body)
  const path = compileText(endpoint.path, encodeURIComponent)
  const body =
    bodyText === undefined ? undefined : compileText(String(bodyText), isText ? verbatim : insideJson)
  const jsonHeader = body === undefined || isText ? {} : { 'content-type': 'application/json' }
  const headers = Object.entries({ ...jsonHeader, ...endpoint.headers }).map(
    ([name, value]) => [name, compileText(value, verbatim)] as const,
  )
  return source => {
    const lookup = createLookup(source)
    return {
      method: endpoint.method,
      path: path(lookup),
      headers: Object.fromEntries(headers.map(([name, fill]) => [name, fill(lookup)])),
      body: body?.(lookup),
    }
  }
}

type Lookup = (placeholder: string) => string

function compileText(text: string, quote: (value: string) => string): (lookup: Lookup) => string {
  // Splitting on a group keeps it: even parts are text, odd parts are names.
  const parts = text.split(/\{\{\s*([\w.]+)\s*\}\}/)
  if (parts.length === 1) return () => text
  return lookup => parts.map((part, i) => (i % 2 === 0 ? part : quote(lookup(part)))).join('')
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
