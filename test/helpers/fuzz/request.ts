/** Generates invalid, unusual and hostile requests for any operation of an OpenAPI document. */
import fc from 'fast-check'
import type { InjectOptions } from 'fastify'
import { fillPath, type Operation } from '../openapi.ts'
import { body } from './body.ts'
import { authorization, contentType, otherHeaders } from './headers.ts'
import type { Known } from './known.ts'
import { escaped, query } from './url.ts'

export type FuzzRequest = Required<Pick<InjectOptions, 'method' | 'url'>> & {
  headers: Record<string, string>
  payload?: string | Buffer
}

/** Generates a request to an operation. Some are valid, so that 2xx responses are checked too. */
export function fuzzRequest(operation: Operation, known: Known): fc.Arbitrary<FuzzRequest> {
  const ids = known.values.id
  const id = fc.oneof(
    fc.constantFrom(...ids, ...ids.map(value => value.toUpperCase())),
    escaped.filter(value => !/^(%2e|\.)+$/i.test(value)),
  )
  return fc
    .record({
      id,
      query: query(operation),
      payload: body(operation, known),
      type: contentType(),
      authorization: authorization(known),
      others: otherHeaders(known),
    })
    .map(({ id, query, payload, type, authorization, others }) => ({
      method: operation.method,
      url: `${fillPath(operation, id)}${query && `?${query}`}`,
      headers: {
        ...others,
        ...(authorization !== undefined && { authorization }),
        ...(payload !== undefined && type !== undefined && { 'content-type': type }),
      },
      ...(payload !== undefined && { payload }),
    }))
}
