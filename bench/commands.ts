/** The commands: what each does, the options that it takes, and where it is. */

import { UsageError } from '../harness/errors.ts'
import type { Context } from './commands/context.ts'
import { type OptionName, optionHelp, type Values } from './options.ts'

type Run = (context: Context) => Promise<number>

export type Command = {
  operands: string
  summary: string
  options: readonly OptionName[]
  /** Loaded when it is run: the database and the charts take a while, and a target needs neither. */
  load: () => Promise<Run>
}

const load: OptionName[] = [
  'scenario',
  'quick',
  'rounds',
  'duration',
  'warmup',
  'connections',
  'rate',
  'arrivals',
  'timeout',
  'seed',
  'busy-limit',
  'json',
  'html',
]
const target: OptionName[] = ['target', 'path', 'method', 'header', 'body']

/** What is run where no command is named. */
export const DEFAULT_COMMAND = 'run'

export const commands: Record<string, Command> = {
  run: {
    operands: '',
    summary: 'run the suite and print its table; this is what runs without a command',
    options: [...load, ...target, 'format'],
    load: async () => (await import('./commands/run.ts')).runCommand,
  },
  sweep: {
    operands: '',
    summary: 'find the highest rate that keeps --slo, and how throughput scales with connections',
    options: [...load, ...target, 'slo', 'by', 'steps'],
    load: async () => (await import('./commands/sweep.ts')).sweepCommand,
  },
  save: {
    operands: '<name>',
    summary: 'run the suite and keep the result',
    options: [...load, ...target, 'format', 'from'],
    load: async () => (await import('./commands/baselines.ts')).saveCommand,
  },
  list: {
    operands: '',
    summary: 'show the results that were kept',
    options: [],
    load: async () => (await import('./commands/baselines.ts')).listCommand,
  },
  compare: {
    operands: '<a> <b>',
    summary: 'is b slower than a? Exit code 0 no, 1 yes, 2 not comparable, 3 cannot tell',
    options: ['max-regression', 'busy-limit', 'force'],
    load: async () => (await import('./commands/compare.ts')).compareCommand,
  },
  ab: {
    operands: '',
    summary: 'measure the version of --base and the working tree side by side, and compare them',
    options: [...load, 'base', 'noise', 'forks', 'max-regression'],
    load: async () => (await import('./commands/ab.ts')).abCommand,
  },
  frameworks: {
    operands: '[name …]',
    summary: 'the service beside bare node:http, Express, NestJS, Hono and plain Fastify, in turns',
    options: load,
    load: async () => (await import('./frameworks/command.ts')).frameworksCommand,
  },
  ablate: {
    operands: '[name …]',
    summary: 'what each feature of the service costs, and what each shortcut saves',
    options: load,
    load: async () => (await import('./ablation/command.ts')).ablateCommand,
  },
  scale: {
    operands: '[workers …]',
    summary: 'throughput, capacity and memory with one worker and with several (1 2)',
    options: [...load, 'slo', 'steps'],
    load: async () => (await import('./commands/scale.ts')).scaleCommand,
  },
  'data-layers': {
    operands: '[name …]',
    summary: 'one query through pg, Drizzle, Kysely, TypeORM and Prisma, as ratios to pg',
    options: load,
    load: async () => (await import('./data-layers/command.ts')).dataLayersCommand,
  },
  calibrate: {
    operands: '',
    summary: 'how often ab calls a difference where there is none, and finds one of 5 %',
    options: [...load, 'forks', 'repeat'],
    load: async () => (await import('./commands/calibrate.ts')).calibrateCommand,
  },
}

const EXIT_CODES = `Exit codes: 0 all well; 1 errors, void figures or a regression; 2 not comparable; 3 cannot tell;
64 wrong usage; 69 the target fails; 130 Ctrl-C.`

/** Returns the command of that name. Throws a UsageError that lists those there are. */
export function findCommand(name: string): Command {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!command) {
    throw new UsageError(`unknown command "${name}"; there are: ${Object.keys(commands).join(', ')}`)
  }
  return command
}

/** Throws a UsageError where an option was given that the command does not take. */
export function checkOptions(name: string, { options }: Command, values: Values): void {
  const foreign = Object.keys(values).find(option => option !== 'help' && !isOneOf(options, option))
  if (foreign !== undefined) throw new UsageError(`${name} does not take --${foreign}; see: ${name} --help`)
}

/** Throws a UsageError where more was named than the command takes. */
export function checkOperands(name: string, { operands }: Command, given: readonly string[]): void {
  const most = operands.includes('…') ? Number.POSITIVE_INFINITY : operands.split(' ').filter(Boolean).length
  if (given.length <= most) return
  throw new UsageError(`${name} does not take "${given.slice(most).join(' ')}"; see: ${name} --help`)
}

function isOneOf(options: readonly string[], name: string): boolean {
  return options.includes(name)
}

/** Returns the help of one command, or of all where none is named. */
export function helpText(name: string | undefined): string {
  if (name === undefined) {
    const lines = Object.entries(commands).map(([each, { operands, summary }]) => {
      return `  ${`${each} ${operands}`.padEnd(20)} ${summary}`
    })
    return [
      'Usage: npm run bench -- [command] [options]',
      '',
      ...lines,
      '',
      'The options of a command: npm run bench -- <command> --help',
      '',
      EXIT_CODES,
    ].join('\n')
  }
  const { operands, summary, options } = findCommand(name)
  const usage = ['npm run bench --', name, operands, options.length > 0 ? '[options]' : ''].filter(Boolean)
  const list = options.length > 0 ? ['', 'Options:', optionHelp(options)] : []
  return [`Usage: ${usage.join(' ')}`, '', `  ${summary}`, ...list, '', EXIT_CODES].join('\n')
}
