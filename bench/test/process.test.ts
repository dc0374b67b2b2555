/** What is measured, as a process of its own: how its end is told. */
import { expect, it } from 'vitest'
import { until } from '../../test/helpers/until.ts'
import { startProcess } from '../service/process.ts'

/** Answers until it is asked to die. */
const MORTAL = `
  import { createServer } from 'node:http'
  createServer((request, response) => {
    if (request.url !== '/die') return response.end()
    process.stderr.write('my last words', () => process.exit(3))
  }).listen(process.env.PORT, '127.0.0.1')`

it('tells how a process has ended by itself, and what it said last', async () => {
  const mortal = await startProcess({
    ...{ name: 'the mortal', args: ['--input-type=module', '--eval', MORTAL], cwd: import.meta.dirname },
    ...{ environment: {}, readyPath: '/', signal: new AbortController().signal },
  })
  try {
    expect(mortal.describeEnd()).toBeUndefined()
    await expect(fetch(`${mortal.origin}/die`)).rejects.toThrow()
    await until('it has ended', () => mortal.describeEnd() !== undefined)
    expect(mortal.describeEnd()).toBe('the mortal ended (3): my last words')
  } finally {
    await mortal.stop()
  }
})
