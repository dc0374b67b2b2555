/** Carries out a plan: one load after the other, with the server's counters read at the edges of each window. */
import { RunError } from '../harness/errors.ts'
import { type Counters, compareCounters } from './agent/counters.ts'
import type { Generator, Turns } from './load/generator-client.ts'
import type { Job } from './load/protocol.ts'
import { type Step, stepSeconds } from './plan.ts'
import { createBudget, leastDisturbed } from './repeats.ts'
import type { LoadOptions, Measurement, Warmup } from './result/schema.ts'
import type { Scenario } from './scenario.ts'
import { type CpuReading, othersShare, readCpu } from './service/cpu.ts'
import { warmUntilSteady } from './steadiness.ts'
import type { Subject } from './subject.ts'

const TOO_SLOW = 'no response came in the time of a round'

/** Told what runs now and how many seconds of the whole are done. */
export type OnProgress = (label: string, secondsDone: number) => void

export type MeasureHooks = {
  onProgress?: OnProgress
  /** A load that brings nothing that was expected is a result too: a sweep goes beyond what a server takes. */
  mayFail?: boolean
  /** Runs before each step, for what has to be measured in turn with it. */
  beforeStep?: (step: Step) => Promise<void>
}

export type Measured = {
  step: Step
  measurement: Measurement
  /** Of the first step of a subject and scenario, where it was warmed up until it was steady. */
  warmup?: Warmup | undefined
}

/**
 * Returns the measurements in the order of the plan; those before an abort are kept. Throws a RunError when a load brings
 * nothing that was expected: there is no sense in going on. A round without any response is void.
 */
export async function measure(
  generator: Generator,
  steps: readonly Step[],
  options: LoadOptions,
  signal: AbortSignal,
  { onProgress = () => {}, beforeStep = async () => {}, mayFail = false }: MeasureHooks = {},
): Promise<Measured[]> {
  const measured: Measured[] = []
  const budget = createBudget(steps.length)
  let done = 0
  for (const step of steps) {
    if (signal.aborted) break
    await beforeStep(step)
    const label = `${step.scenario.name} on ${step.subject.name}`
    if (step.isFirst && options.steady) onProgress(`${label}, warming up`, done)
    const { warmup, lost } = await warmUp(generator, step, options, signal)
    if (signal.aborted) break
    onProgress(`${label}, round ${step.round + 1}`, done)
    const [measurement] = await leastDisturbed(budget, options, signal, async () => [
      await measureOnce(generator, step, options, signal),
    ])
    if (signal.aborted || !measurement) break
    const figures = withFailures(measurement, lost)
    measured.push({
      step,
      measurement: mayFail && !isSilent(figures) ? figures : checked(step, figures),
      ...(warmup && { warmup }),
    })
    done += stepSeconds(step, options)
  }
  onProgress('done', done)
  return measured
}

/** Loads the subject of a first step until it is steady, where the options ask for that; returns how that went. */
async function warmUp(
  generator: Generator,
  step: Step,
  options: LoadOptions,
  signal: AbortSignal,
): Promise<{ warmup?: Warmup | undefined; lost: Failures[] }> {
  const { steady } = options
  const lost: Failures[] = []
  if (!step.isFirst || !steady) return { lost }
  const load = { ...options, duration: steady.window }
  const [warmup] = await warmUntilSteady(
    async () => {
      const measurement = await generator.run(toJob(step, load), { signal })
      lost.push(measurement.failures)
      return [measurement]
    },
    { mode: options.mode, steady },
    signal,
  )
  return { warmup, lost }
}

type Failures = Measurement['failures']

/** Returns the first round after a warm-up with what was lost in that: a lost response is an error whenever it is lost. */
function withFailures(measurement: Measurement, lost: readonly Failures[]): Measurement {
  const failures = { ...measurement.failures }
  for (const [reason, count] of lost.flatMap(Object.entries<number>)) {
    failures[reason] = (failures[reason] ?? 0) + count
  }
  return { ...measurement, failures }
}

/**
 * Returns the measurements of closed loops that take turns within each round, of all subjects side by side; all rounds of a
 * scenario come after one another. Those before an abort are kept.
 */
export async function measureTurns(
  generator: Generator,
  { subjects, scenarios }: { subjects: readonly Subject[]; scenarios: readonly Scenario[] },
  options: LoadOptions,
  signal: AbortSignal,
  onProgress: OnProgress = () => {},
): Promise<Measured[]> {
  const measured: Measured[] = []
  const budget = createBudget(scenarios.length * options.rounds)
  let done = 0
  for (const scenario of scenarios) {
    if (signal.aborted) break
    const steps = subjects.map(subject => ({
      subject,
      scenario,
      round: 0,
      warmup: options.warmup,
      isFirst: true,
    }))
    onProgress(`${scenario.name}, warming up`, done)
    const jobs = steps.map(step => toJob(step, options)).filter(job => job.mode === 'closed')
    const turns = await generator.openTurns(jobs, signal)
    done += subjects.length * options.warmup
    try {
      const lost: Failures[][] = subjects.map(() => [])
      const warmups = options.steady
        ? await warmUntilSteady(
            async () => {
              const figures = await turns.run(options.steady?.window ?? 0)
              for (const [i, { failures }] of figures.entries()) lost[i]?.push(failures)
              return figures
            },
            { mode: 'closed', steady: options.steady },
            signal,
          )
        : []
      for (let round = 0; round < options.rounds && !signal.aborted; round++) {
        onProgress(`${scenario.name}, round ${round + 1} of ${options.rounds}`, done)
        const figures = await leastDisturbed(budget, options, signal, () =>
          measureRound(turns, subjects, options),
        )
        if (signal.aborted) break
        for (const [i, step] of steps.entries()) {
          const figure = figures[i]
          const warmup = round === 0 ? warmups[i] : undefined
          if (figure) {
            const own = { ...step, round, isFirst: round === 0 }
            const measurement = withFailures(figure, lost[i]?.splice(0) ?? [])
            measured.push({ step: own, measurement: checked(step, measurement), ...(warmup && { warmup }) })
          }
        }
        done += subjects.length * options.duration
      }
    } finally {
      await turns.close()
    }
  }
  onProgress('done', done)
  return measured
}

async function measureRound(
  turns: Turns,
  subjects: readonly Subject[],
  { duration }: LoadOptions,
): Promise<Measurement[]> {
  const read = (): Promise<(Counters | undefined)[]> => Promise.all(subjects.map(subject => subject.read?.()))
  const before = await read()
  const cpuBefore = readOwnCpu(subjects)
  const figures = await turns.run(duration)
  const othersCpu = othersShare(cpuBefore, readOwnCpu(subjects))
  const after = await read()
  return figures.map((figure, i) => ({
    ...withServer(figure, before[i], after[i]),
    ...(othersCpu !== undefined && { othersCpu }),
  }))
}

/** Of a target that was not started here, it is not known which of the others it is. */
function readOwnCpu(subjects: readonly Subject[]): CpuReading | undefined {
  return subjects.every(({ read }) => read !== undefined) ? readCpu() : undefined
}

/** A server that rests is not at work: its figures are of its own seconds, as the generator's are. */
function withServer(
  measurement: Measurement,
  before: Counters | undefined,
  after: Counters | undefined,
): Measurement {
  if (!before || !after || after.at <= before.at) return measurement
  const { seconds, rate } = measurement
  const wall = (after.at - before.at) / 1000
  const server = compareCounters(before, after, (rate * seconds) / wall)
  const share = wall / seconds
  return {
    ...measurement,
    server: {
      ...server,
      cpu: server.cpu * share,
      eventLoopUtilisation: Math.min(1, server.eventLoopUtilisation * share),
    },
  }
}

/** Sends the subject's and the scenario's data to the generator, under the key that `measure` uses. */
export function sendData(generator: Generator, subject: Subject, scenarios: readonly Scenario[]): void {
  generator.setData(subject.key, subject.data)
  for (const scenario of scenarios) {
    if (scenario.data) generator.setData(dataKey(subject, scenario), { ...subject.data, ...scenario.data })
  }
}

/** Asks every endpoint once; throws a RunError of one line about the first that does not respond as expected. */
export async function checkTarget(
  generator: Generator,
  subject: Subject,
  scenarios: readonly Scenario[],
  options: LoadOptions,
): Promise<void> {
  for (const scenario of scenarios) {
    const samples = await generator.preflight({
      origin: subject.origin,
      endpoints: scenario.endpoints,
      dataKey: dataKey(subject, scenario),
      timeout: options.timeout,
      seed: options.seed,
    })
    const bad = samples.find(sample => !sample.expected)
    if (bad) throw new RunError(`${subject.origin}, ${bad.endpoint}: ${bad.outcome}`)
  }
}

async function measureOnce(
  generator: Generator,
  step: Step,
  options: LoadOptions,
  signal: AbortSignal,
): Promise<Measurement> {
  const { subject } = step
  const readings: Promise<Counters>[] = []
  const cpu: (CpuReading | undefined)[] = []
  const read = (): void => {
    cpu.push(readOwnCpu([subject]))
    if (!subject.read) return
    const reading = subject.read()
    // Awaited below, after the load: a service that dies meanwhile must not end the bench before it has cleaned up.
    reading.catch(() => {})
    readings.push(reading)
  }
  const figures = await generator.run(toJob(step, options), { onOpen: read, onShut: read, signal })
  const othersCpu = othersShare(cpu[0], cpu[1])
  const measurement = { ...figures, ...(othersCpu !== undefined && { othersCpu }) }
  const [before, after] = await Promise.all(readings)
  // A process that stood still for the whole window responds to both questions at once: that measures nothing.
  if (!before || !after || after.at <= before.at) return measurement
  return { ...measurement, server: compareCounters(before, after, measurement.rate) }
}

function toJob(step: Step, options: LoadOptions): Job {
  const { subject, scenario } = step
  const common = {
    origin: subject.origin,
    endpoints: scenario.endpoints,
    dataKey: dataKey(subject, scenario),
    connections: scenario.connections ?? options.connections,
    warmup: step.warmup,
    duration: options.duration,
    timeout: options.timeout,
    // Another seed for each round, the same for both versions of it: they get the same requests.
    seed: options.seed + step.round,
  }
  if (options.mode === 'closed') return { mode: 'closed', ...common }
  return { mode: 'open', ...common, rate: options.rate ?? 100, arrivals: options.arrivals ?? 'poisson' }
}

// Scenarios without data of their own share the subject's: where one of them spends a session's one-use token, the next
// must know the new one.
function dataKey(subject: Subject, scenario: Scenario): string {
  return scenario.data ? `${subject.key}/${scenario.name}` : subject.key
}

/** Returns what may be used of a measurement; throws where nothing came that was expected. */
function checked({ scenario, subject }: Step, measurement: Measurement): Measurement {
  if (measurement.endpoints.some(endpoint => endpoint.requests > 0)) return measurement
  // A short window of slow responses on a machine that is busy elsewhere: one round less, not the end of a long run.
  if (isSilent(measurement)) return { ...measurement, void: TOO_SLOW }
  throw new RunError(`${scenario.name} on ${subject.name}: ${explain(measurement)}`)
}

/** Nothing came, good or bad; what hangs for longer than a response may take has failed, and is not silent. */
function isSilent({ failures, endpoints }: Measurement): boolean {
  const statuses = endpoints.flatMap(endpoint => Object.keys(endpoint.statuses))
  return statuses.length === 0 && Object.keys(failures).length === 0
}

function explain(measurement: Measurement): string {
  const statuses = measurement.endpoints.flatMap(endpoint =>
    Object.entries(endpoint.statuses).map(([status, count]) => `${count} × ${status}`),
  )
  const failures = Object.entries(measurement.failures).map(([reason, count]) => `${count} × ${reason}`)
  return `no request got the expected response (${[...statuses, ...failures].join(', ')})`
}
