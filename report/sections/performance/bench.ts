/** The benchmark suite as the report uses it: its package entry and its command. It may be removed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RunError } from '../../../harness/errors.ts'
import { SERVICE_ID } from '../../../src/config/service-name.ts'
import type { GeneratedScenario } from '../../change/new-routes.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const ENTRY = new URL('../../../bench/index.ts', import.meta.url)
const COMMAND = 'bench/cli.ts'

/** A value with its 95 % interval, where there are enough rounds for one. */
export type Estimate = { value: number; interval?: [low: number, high: number] }

/** A metric as a ratio, after to before. */
export type Ratio = Estimate & {
  metric: string
  verdict: string
  /** It is judged, and worse than before by more than the bench allows, with an interval that excludes 1. */
  slower?: boolean
}

export type EndpointFigures = {
  endpoint: string
  rounds: number
  requests: number
  /** Requests without the expected response. */
  errors: number
  /** Why the figures must not be used. */
  void?: string
  meanMs: Estimate
  p95Ms: number
  throughput: Estimate
  /** Percentile and latency in ms. */
  percentiles: [number, number][]
  serverCpuUsPerRequest?: number
  /** The same endpoint in the version before. */
  base?: {
    requests: number
    rounds: number
    p95Ms: number
    percentiles: [number, number][]
    ratios: Ratio[]
    /** Others took so much of the CPU that nothing is judged. */
    disturbed?: boolean
  }
}

/** The figures of a result. */
export type Figures = {
  cutShort: boolean
  machine: Record<string, string | number>
  code: { commit?: string; dirty?: boolean }
  run: { mode: string; connections: number; rounds: number; duration: number; quick: boolean }
  endpoints: EndpointFigures[]
}

/** An endpoint with a scenario of its own. The path has placeholders: `/users/{{users.id}}?limit=20`. */
export type ScenarioEndpoint = { scenario: string; endpoint: string; method: string; path: string }

/** What the package entry of the benchmark suite exports. */
export type Bench = {
  /** Returns the endpoints that have a scenario of their own. */
  listEndpoints: () => Promise<ScenarioEndpoint[]>
  /** Returns the figures of a result file. Throws a UsageError where it is not a result. */
  readFigures: (file: string) => Promise<Figures>
}

/** Returns the benchmark suite; undefined where this repository has none. */
export async function loadBench(): Promise<Bench | undefined> {
  return existsSync(ENTRY) ? ((await import(ENTRY.href)) as Bench) : undefined
}

export type Run = {
  kind: 'quick' | 'full'
  /** The version before: both are measured in turns. */
  base?: string | undefined
  /** Names of scenarios of the suite. */
  scenarios: readonly string[]
  /** Scenarios that are not of the suite. */
  generated?: readonly GeneratedScenario[]
  signal: AbortSignal
}

/** The fewest rounds that a ratio has an interval of. */
const QUICK_ROUNDS = ['--rounds', '6']

/** Runs scenarios, with `base` on both versions in turns. Returns the figures. Throws a RunError where there are none. */
export async function runBench(bench: Bench, run: Run): Promise<Figures> {
  const { kind, base, scenarios, generated = [], signal } = run
  const folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-report-`))
  const file = join(folder, 'result.json')
  try {
    const files = await writeScenarios(folder, generated)
    const output = await runToEnd(
      [
        ...(base === undefined ? [] : ['ab', '--base', base]),
        ...(kind === 'quick' ? ['--quick', ...(base === undefined ? [] : QUICK_ROUNDS)] : []),
        ...[...scenarios, ...files].flatMap(scenario => ['--scenario', scenario]),
        '--json',
        file,
      ],
      signal,
    )
    return await bench.readFigures(file).catch(() => {
      throw new RunError(`the bench wrote no result: ${output}`)
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function writeScenarios(folder: string, generated: readonly GeneratedScenario[]): Promise<string[]> {
  const files = generated.map(({ name }) => join(folder, `${name}.json`))
  await Promise.all(
    generated.map((scenario, index) => writeFile(files[index] ?? '', JSON.stringify(scenario))),
  )
  return files
}

const MAX_QUOTED_CHARACTERS = 2000

/** Returns the last error output. The exit code is not used: it reports regressions too, which the figures show. */
async function runToEnd(args: readonly string[], signal: AbortSignal): Promise<string> {
  const child = spawn(process.execPath, [COMMAND, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let output = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-MAX_QUOTED_CHARACTERS)
  })
  const stop = () => child.kill('SIGTERM')
  signal.addEventListener('abort', stop, { once: true })
  await once(child, 'close')
  signal.removeEventListener('abort', stop)
  return output.trim() || 'no output'
}
