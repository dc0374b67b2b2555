/** The command line: every option in one table, which parses it and prints the help. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { UsageError } from '../harness/errors.ts'
import type { LoadOptions } from './result/schema.ts'

const table = {
  scenario: { type: 'string', multiple: true, hint: 'name|file', help: 'only this one; may be repeated' },
  quick: { type: 'boolean', help: 'short rounds, for a first look; marked as such' },
  rounds: {
    type: 'string',
    hint: 'n',
    help: 'rounds of each scenario (5; in turns: 20, ab: 6 with each fork)',
  },
  duration: { type: 'string', hint: 's', help: 'seconds recorded per round (2; in turns: 0.6, ab: 1)' },
  warmup: {
    type: 'string',
    hint: 's',
    help: 'seconds of load before the first round (until it no longer gets faster, 12 at most)',
  },
  connections: { type: 'string', hint: 'n', help: 'connections at once (50)' },
  rate: { type: 'string', hint: 'n', help: 'open loop: requests per second, however late the server is' },
  arrivals: { type: 'string', hint: 'kind', help: 'open loop: constant or poisson (poisson)' },
  timeout: { type: 'string', hint: 's', help: 'longest wait for a response (10)' },
  seed: { type: 'string', hint: 'n', help: 'of the random draws (1)' },
  'busy-limit': {
    type: 'string',
    hint: '10%',
    help: 'a round in which others take more of the CPU is disturbed (10%)',
  },
  target: { type: 'string', hint: 'url', help: 'measure this server instead of the service' },
  path: { type: 'string', hint: '/x', help: 'target: path to ask for (/)' },
  method: { type: 'string', hint: 'GET', help: 'target: method (GET)' },
  header: { type: 'string', multiple: true, hint: "'k: v'", help: 'target: header; may be repeated' },
  body: { type: 'string', hint: 'text|@file', help: 'target: body to send' },
  json: { type: 'string', hint: 'file', help: 'write the result there' },
  html: { type: 'string', hint: 'file', help: 'write a page there' },
  format: { type: 'string', hint: 'kind', help: 'print as: table, github-action-benchmark or bencher' },
  slo: { type: 'string', hint: 'p95=35ms', help: 'the objective to keep (p95=35ms)' },
  by: { type: 'string', hint: 'what', help: 'rate, connections or both (both)' },
  steps: { type: 'string', hint: 'n', help: 'steps of each kind (8)' },
  base: { type: 'string', hint: 'git ref', help: 'the version to compare the working tree with' },
  forks: {
    type: 'string',
    hint: 'n',
    help: 'how often all versions are started anew, for all rounds each (5)',
  },
  noise: { type: 'boolean', help: 'the working tree against itself' },
  repeat: { type: 'string', hint: 'n', help: 'comparisons of each kind (20)' },
  from: { type: 'string', hint: 'file', help: 'take this result instead of measuring' },
  'max-regression': { type: 'string', hint: '5%', help: 'how much slower is too slow (5%)' },
  force: { type: 'boolean', help: 'compare results of other machines or options, too' },
  help: { type: 'boolean', help: 'this text' },
} as const

/** Until it is steady: three windows at least, and no more than these. */
const steady = { window: 1, most: 12 }
const QUICK_STEADY = { window: 0.4, most: 10 }

export type OptionName = keyof typeof table

export type Values = ReturnType<typeof parseCommandLine>['values']

/** Returns the command where one is named, its operands and the raw options; throws a UsageError on an unknown option. */
export function parseCommandLine(args: string[]) {
  try {
    const { values, positionals } = parseArgs({ args, options: table, allowPositionals: true })
    const [command, ...operands] = positionals
    return { command, operands, values }
  } catch (error) {
    throw new UsageError((error instanceof Error ? error.message : String(error)).replaceAll('\n', ' '))
  }
}

/** Returns the load that the options ask for, over these defaults. */
export function loadOptions(values: Values, defaults: Partial<LoadOptions> = {}): LoadOptions {
  const rate = values.rate === undefined ? undefined : positive('rate', values.rate)
  const base = values.quick
    ? { rounds: 3, duration: 0.35, warmup: 0.2 }
    : { rounds: 5, duration: 2, warmup: 0 }
  const fallback = { ...base, ...(values.quick ? {} : defaults) }
  return {
    mode: rate === undefined ? 'closed' : 'open',
    connections: whole('connections', values.connections, 50),
    rounds: whole('rounds', values.rounds, fallback.rounds),
    duration: values.duration === undefined ? fallback.duration : positive('duration', values.duration),
    warmup: values.warmup === undefined ? fallback.warmup : atLeastZero('warmup', values.warmup),
    ...(values.warmup === undefined && { steady: values.quick ? QUICK_STEADY : steady }),
    ...(rate !== undefined && { rate }),
    // Without a rate, too: sweep and frameworks choose one of their own.
    ...((rate ?? values.arrivals) !== undefined && { arrivals: arrivals(values.arrivals) }),
    timeout: values.timeout === undefined ? 10 : positive('timeout', values.timeout),
    busyLimit: busyLimitOf(values),
    seed: seedOf(values.seed),
  }
}

/** Returns the share of all cores that others may take before a round is disturbed. */
export function busyLimitOf(values: Values): number {
  const limit = share('busy-limit', values['busy-limit'] ?? '10%')
  if (limit > 1) throw new UsageError('--busy-limit takes a share of all cores, at most 100%')
  return limit
}

function seedOf(value: string | undefined): number {
  const seed = value === undefined ? 1 : number('seed', value)
  if (!Number.isSafeInteger(seed)) throw new UsageError(`--seed takes a whole number, not "${value}"`)
  return seed
}

/** Returns the text of `--body`, read from the file where it says `@file`. */
export function bodyText(value: string): string {
  if (!value.startsWith('@')) return value
  try {
    return readFileSync(value.slice(1), 'utf8')
  } catch {
    throw new UsageError(`cannot read the body from ${value.slice(1)}`)
  }
}

/** Returns a share: `5%` and `0.05` are the same. */
export function share(name: string, value: string): number {
  return value.endsWith('%') ? positive(name, value.slice(0, -1)) / 100 : positive(name, value)
}

/** Returns a whole number of at least 1, or the fallback where nothing was given. */
export function whole(name: string, value: string | undefined, fallback: number): number {
  if (value === undefined) return fallback
  const parsed = positive(name, value)
  if (!Number.isInteger(parsed)) throw new UsageError(`--${name} takes a whole number, not "${value}"`)
  return parsed
}

/** Returns the help of these options, one line each. */
export function optionHelp(names: readonly OptionName[]): string {
  return names
    .map(name => {
      const option = table[name]
      const usage = 'hint' in option ? `--${name} ${option.hint}` : `--${name}`
      return `  ${usage.padEnd(26)} ${option.help}`
    })
    .join('\n')
}

function arrivals(value: string | undefined): 'constant' | 'poisson' {
  if (value === undefined || value === 'poisson') return 'poisson'
  if (value === 'constant') return 'constant'
  throw new UsageError(`--arrivals takes constant or poisson, not "${value}"`)
}

function positive(name: string, value: string): number {
  const parsed = number(name, value)
  if (parsed <= 0) throw new UsageError(`--${name} must be above 0`)
  return parsed
}

function atLeastZero(name: string, value: string): number {
  const parsed = number(name, value)
  if (parsed < 0) throw new UsageError(`--${name} must not be below 0`)
  return parsed
}

function number(name: string, value: string): number {
  const parsed = Number(value)
  if (value.trim() === '' || !Number.isFinite(parsed))
    throw new UsageError(`--${name} takes a number, not "${value}"`)
  return parsed
}
