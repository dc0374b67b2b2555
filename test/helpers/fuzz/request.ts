/** Generates invalid requests for any operation of an OpenAPI document. */
import fc from 'fast-check'
import type { InjectOptions } from 'fastify'
import { fillPath, type Operation } from '../openapi.ts'
import { body } from './body.ts'
import { authorization, contentType, otherHeaders } from './headers.ts'
import type { Known } from './known.ts'
import { escaped, query } from './url.ts'

export type HostileRequest = Required<Pick<InjectOptions, 'method' | 'url'>> & {
  headers: Record<string, string>
  payload?: string | Buffer
}

/** One hostile request to an operation. A few of them are valid: what answers 2xx has to be proved as well. */
export function hostileRequest(operation: Operation, known: Known): fc.Arbitrary<HostileRequest> {
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
