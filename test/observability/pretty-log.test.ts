/** Log lines as a person at a terminal reads them. */
import { expect, it } from 'vitest'
import type { LogStream } from '../../src/observability/log-stream.ts'
import { prettify } from '../../src/observability/pretty-log.ts'

const REQUEST = { method: 'GET', path: '/x', status: 200, durationMs: 1.5, ip: '127.0.0.1', route: '/x' }

it.for([
  [
    'of a request',
    { msg: 'request completed', ...REQUEST, code: '' },
    'request completed: GET /x 200 in 1.5 ms',
  ],
  [
    'of a request without a code',
    { msg: 'request completed', ...REQUEST },
    'request completed: GET /x 200 in 1.5 ms',
  ],
  [
    'of a refused request',
    { msg: 'request completed', ...REQUEST, status: 404, code: 'NOT_FOUND' },
    'request completed: GET /x 404 NOT_FOUND in 1.5 ms',
  ],
  ['of no request', { msg: 'two  spaces  stay', code: 1 }, 'two  spaces  stay'],
  ['without a message', {}, ''],
] as const)('has one space between words, in the line %s', async ([, fields, text]) => {
  const written: string[] = []
  const stream = { write: line => void written.push(line), flush() {} } as Partial<LogStream> as LogStream
  const pretty = await prettify(stream)
  pretty?.write(`${JSON.stringify({ level: 'info', time: '2026-01-01T00:00:00.000Z', ...fields })}\n`)
  expect(written).toEqual([expect.stringMatching(/^\[[\d:.]+\] INFO: ?/)])
  expect(written[0]?.replace(/^\[[\d:.]+\] INFO: ?/, '')).toBe(`${text}\n`)
})
