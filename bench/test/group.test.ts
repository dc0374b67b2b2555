/** Several subjects in turns: the order, how their processes run, and their tables. */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startGenerator } from '../load/generator-client.ts'
import { measure } from '../measure.ts'
import { renderAgainstEach, renderGroup } from '../output/group.ts'
import { planTurns } from '../plan.ts'
import type { Group } from '../result/schema.ts'
import { startMeasuredProcess } from '../service/process.ts'
import { resultOf, scenarioOf } from './helpers/results.ts'

const { options } = resultOf([])
const scenario = { name: 'get-user', endpoints: [{ name: 'GET /', method: 'GET', path: '/' }] }
const subjects = ['a', 'b', 'c', 'd'].map(key => ({ key, name: key, origin: 'http://127.0.0.1:1', data: {} }))

describe('the turns', () => {
  const steps = planTurns(subjects, [scenario], { ...options, rounds: 8 })
  const blocks = [0, 1, 2, 3].map(block => steps.slice(block * 8, block * 8 + 8))

  it('come in blocks that read the same backwards, with everyone in each half', () => {
    for (const block of blocks) {
      const keys = block.map(({ subject }) => subject.key)
      expect(keys).toEqual(keys.toReversed())
      expect(keys.slice(0, 4).toSorted()).toEqual(['a', 'b', 'c', 'd'])
    }
  })

  it('have another order from block to block', () => {
    const orders = blocks.map(block => block.map(({ subject }) => subject.key).join(''))
    expect(new Set(orders).size).toBeGreaterThan(1)
  })

  it('give both rounds of a block to each subject, and a long warm-up to its first', () => {
    for (const [index, block] of blocks.entries()) {
      const rounds = block.filter(({ subject }) => subject.key === 'c').map(({ round }) => round)
      expect(rounds).toEqual([2 * index, 2 * index + 1])
    }
    const warmups = steps.filter(({ subject }) => subject.key === 'b').map(({ warmup }) => warmup)
    expect(warmups[0]).toBe(options.warmup)
    expect(Math.max(...warmups.slice(1))).toBeLessThan(options.warmup)
  })
})

describe('the tables of a group', () => {
  const steady = [1000, 1004, 998, 1001, 997, 1003, 1000, 1002]
  const member = (name: string, factor: number, cpuUs: number) => {
    const rates = steady.map(rate => rate * factor)
    return { name, scenarios: [scenarioOf(rates, cpuUs)] }
  }
  const group: Group = {
    options,
    reference: 'bare',
    connections: {},
    subjects: [member('bare', 1, 50), member('ours', 1.5, 40), member('theirs', 0.5, 200)],
  }

  it('show the figures of all, and ratios to the reference with their intervals', () => {
    const text = renderGroup(group)
    expect(text).toMatch(/^\| bare +\| +1001 rps \| +50 \|/m)
    expect(text).toMatch(/^\| ours +\| 1\.50 \(1\.46–1\.54\) \| 0\.80 \(0\.78–0\.82\) \|/m)
    expect(text).toMatch(/^\| theirs +\| 0\.50 \(/m)
  })

  it('show one of them against each other', () => {
    const text = renderAgainstEach(group, 'ours')
    expect(text).toMatch(/^\| to bare +\| 1\.50 \(/m)
    expect(text).toMatch(/^\| to theirs +\| 3\.00 \(2\.92–3\.08\) \| 0\.20 \(/m)
    expect(text).not.toContain('to ours')
  })

  it('leave a ratio open where there are too few rounds', () => {
    const few = { ...group, subjects: [member('bare', 1, 50), member('ours', 2, 50)] }
    for (const { scenarios } of few.subjects) scenarios[0]?.rounds.splice(2)
    expect(renderGroup(few)).toMatch(/^\| ours +\| +– \|/m)
  })
})

describe('a round that brings nothing', () => {
  it('is void where responses take longer, and ends the run where they are refusals', async () => {
    let status = 200
    let delayMs = 0
    const server = createServer((_request, response) => {
      response.statusCode = status
      setTimeout(() => response.end(), delayMs)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const subject = { key: 'a', name: 'a', origin: `http://127.0.0.1:${port}`, data: {} }
    const generator = await startGenerator()
    onTestFinished(async () => {
      await generator.stop()
      server.close()
    })
    const short = { ...options, connections: 2, rounds: 2, duration: 0.2, warmup: 0.1, timeout: 5 }
    const steps = planTurns([subject], [scenario], short)
    const { signal } = new AbortController()
    const measured = await measure(generator, steps, short, signal, {
      beforeStep: async ({ round }) => {
        // Longer than a round, shorter than the time that a response may take.
        if (round === 1) delayMs = 1000
      },
    })
    expect(measured.map(({ measurement }) => measurement.void)).toEqual([undefined, expect.any(String)])
    ;[status, delayMs] = [503, 0]
    await expect(measure(generator, steps, short, signal)).rejects.toThrow(/^get-user on a: .* × 503\)$/)
  })
})

describe('a process that is measured', () => {
  const run = async (script: string) => {
    const cwd = await mkdtemp(join(tmpdir(), 'bench-process-'))
    onTestFinished(() => rm(cwd, { recursive: true }))
    await writeFile(join(cwd, 'server.mjs'), script)
    const environment = { GREETING: 'hello' }
    const { signal } = new AbortController()
    return startMeasuredProcess({
      name: 'it',
      args: ['server.mjs'],
      cwd,
      environment,
      readyPath: '/ready',
      signal,
    })
  }

  it('is any command that responds at PORT, with its environment and the agent in it', async () => {
    const started = await run(`
      import { createServer } from 'node:http'
      let asked = 0
      createServer((request, response) => {
        // Not ready at once: the first responses must not count.
        response.statusCode = request.url === '/ready' && ++asked < 3 ? 503 : 200
        response.end(process.env.GREETING + ' ' + Object.keys(process.env).includes('HOME'))
      }).listen(process.env.PORT, process.env.HOST)
    `)
    onTestFinished(started.stop)
    expect(await (await fetch(started.origin)).text()).toBe('hello false')
    const [before, after] = [await started.read(), await started.read()]
    expect(before.rssBytes).toBeGreaterThan(1e7)
    expect(after.cpuUs).toBeGreaterThanOrEqual(before.cpuUs)
  })

  it('is given up with its own words when it ends before it is ready', async () => {
    await expect(run(`throw new Error('no database')`)).rejects.toThrow(
      /it did not start: [\s\S]*no database/,
    )
  })
})
