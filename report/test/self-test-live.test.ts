/** The self-test of the report, run: the right row of a broken service turns, and no other. */
import { expect, it } from 'vitest'
import { ROOT } from '../generate.ts'
import { findTrial } from '../self-test/list.ts'
import { hasPassed, runSelfTest } from '../self-test/self-test.ts'
import { describeTrial, renderTable } from '../self-test/table.ts'

/** Two reports, and several times what they take on a quiet machine. */
const TIMEOUT = 400_000

it('turns the right rows of a service that is broken', { timeout: TIMEOUT }, async () => {
  const chosen = [findTrial('helmet is not applied')]
  const lines: string[] = []
  const result = await runSelfTest({
    root: ROOT,
    trials: chosen,
    workers: 1,
    signal: new AbortController().signal,
    onJudged: judged => lines.push(describeTrial(judged)),
  })
  expect(result.trials).toMatchObject(
    chosen.map(({ name }) => ({ name, ticked: [], absent: [], alarms: [] })),
  )
  expect(lines).toHaveLength(1)
  expect(renderTable(result)).toContain('The right rows turned in 1 of 1 sabotages.')
  expect(hasPassed(result)).toBe(true)
})
