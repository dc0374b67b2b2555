/** The command line of `npm run report`: one table of options, for the parser and the help. */
import { parseArgs } from 'node:util'
import { UsageError } from '../harness/errors.ts'
import { SECTION_IDS, type SectionId } from './document/document.ts'
import { messageOf } from './errors.ts'
import { describeExitCodes } from './exit-codes.ts'
import { COMMAND, DEFAULT_OUT } from './package/installed.ts'

const OPTIONS = {
  bench: { type: 'string', hint: 'what', help: 'quick, full, none or a <result.json> of the bench (quick)' },
  out: {
    type: 'string',
    hint: 'folder',
    help: `where report.md, report.json and report.html go (${DEFAULT_OUT})`,
  },
  feature: { type: 'string', hint: 'name', help: "what the title says (the package's name)" },
  date: { type: 'string', hint: 'YYYY-MM-DD', help: 'the date of the title (today)' },
  since: { type: 'string', hint: 'git ref', help: 'report the change since that version' },
  sections: { type: 'string', hint: 'a,b', help: `only these: ${SECTION_IDS.join(', ')}` },
  app: {
    type: 'string',
    hint: 'module',
    help: 'report any Fastify app: a module that exports, builds or starts it, or a plugin (<module>#<export> picks one)',
  },
  tests: { type: 'string', hint: 'file', help: "the JSON of a test run (Vitest's or Jest's reporter json)" },
  print: { type: 'boolean', help: 'print the Markdown; the result then goes to standard error' },
  'allow-writes': { type: 'boolean', help: 'with --app: also send POST, PUT, DELETE … (only GET and HEAD)' },
  yes: { type: 'boolean', help: 'with --app: start it even where its database is not on this machine' },
  fix: { type: 'boolean', help: 'lint: write a valid file in the canonical form' },
  publish: { type: 'boolean', help: 'also write REPORT.md at the top of the repository' },
  only: { type: 'string', hint: 'pattern', help: 'self-test: the trials whose name or kind matches' },
  tenth: { type: 'string', hint: 'n', help: 'self-test: each tenth trial, from number n on; CI takes turns' },
  workers: {
    type: 'string',
    hint: 'n',
    help: 'self-test: reports that run at the same time (one for each core)',
  },
  help: { type: 'boolean', help: 'this text' },
} as const

export type Settings = {
  bench: string
  out: string
  feature: string | undefined
  date: string
  /** Undefined where the command line has no date. */
  givenDate: string | undefined
  since: string | undefined
  sections: readonly SectionId[]
  app: string | undefined
  tests: string | undefined
  print: boolean
  allowWrites: boolean
  /** Whether an app may be started whose database is not on this machine. */
  yes: boolean
  fix: boolean
  publish: boolean
  only: string | undefined
  tenth: number | undefined
  workers: number | undefined
  help: boolean
}

export const USAGE = `Usage: ${COMMAND} [command] [options]

  (none)                     write the Backend Implementation Report of the service as it runs
  verify <file>              derive a document (Markdown or JSON) again, without measurements, and list what is not true
  self-test                  break the service in many ways, and check that the report says so
  lint <file.md>             check whether a Markdown file is a valid Backend Implementation Report, in any form that
                             formatters give it

Options:
${helpOf(OPTIONS)}

Exit codes:
${describeExitCodes()}`

/** Returns the command, its operand and the settings. Throws a UsageError. */
export function parseCommandLine(args: readonly string[], today = new Date()) {
  const { values, positionals } = parse(args)
  const [command = 'report', operand, surplus] = positionals
  if (surplus !== undefined) throw new UsageError(`"${surplus}" is one operand too many`)
  const settings: Settings = {
    bench: values.bench ?? 'quick',
    out: values.out ?? DEFAULT_OUT,
    feature: values.feature,
    date: dateOf(values.date, today),
    givenDate: values.date,
    since: values.since,
    sections: sectionsOf(values.sections),
    app: values.app,
    tests: values.tests,
    print: values.print ?? false,
    allowWrites: values['allow-writes'] ?? false,
    yes: values.yes ?? false,
    fix: values.fix ?? false,
    publish: values.publish ?? false,
    only: patternOf(values.only),
    tenth: countOf('tenth', values.tenth, 0),
    workers: countOf('workers', values.workers, 1),
    help: values.help ?? false,
  }
  if (settings.fix && command !== 'lint') throw new UsageError('--fix belongs to lint')
  if (settings.feature?.trim() === '') throw new UsageError('--feature takes a name')
  if (settings.app === undefined && (settings.allowWrites || settings.yes)) {
    throw new UsageError('--allow-writes and --yes are for --app: this service runs on a database of its own')
  }
  if (settings.publish && (settings.app !== undefined || settings.sections !== SECTION_IDS)) {
    throw new UsageError('--publish takes all sections of this repository')
  }
  return { command, operand, settings }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    // The rest of the message explains how to quote.
    throw new UsageError(messageOf(error).split('\n', 1)[0] ?? '')
  }
}

function dateOf(value: string | undefined, today: Date): string {
  if (value === undefined) return today.toISOString().slice(0, 10)
  const time = Date.parse(`${value}T00:00:00Z`)
  const isReal = /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(time)
  if (!isReal || new Date(time).toISOString().slice(0, 10) !== value) {
    throw new UsageError(`--date takes a day as YYYY-MM-DD, not "${value}"`)
  }
  return value
}

function patternOf(value: string | undefined): string | undefined {
  try {
    new RegExp(value ?? '')
    return value
  } catch {
    throw new UsageError(`--only takes a pattern, not "${value}"`)
  }
}

function countOf(name: string, value: string | undefined, least: number): number | undefined {
  if (value === undefined) return undefined
  if (!/^\d{1,9}$/.test(value) || Number(value) < least)
    throw new UsageError(`--${name} takes a number from ${least} on`)
  return Number(value)
}

function sectionsOf(value: string | undefined): readonly SectionId[] {
  if (value === undefined) return SECTION_IDS
  const names = value.split(',').map(name => name.trim())
  const unknown = names.find(name => !SECTION_IDS.some(id => id === name))
  if (unknown !== undefined) {
    throw new UsageError(`there is no section "${unknown}"; there are: ${SECTION_IDS.join(', ')}`)
  }
  return SECTION_IDS.filter(id => names.includes(id))
}

function helpOf(options: Record<string, { hint?: string; help: string }>): string {
  return Object.entries(options)
    .map(
      ([name, { hint, help }]) =>
        `  ${`--${name}${hint === undefined ? '' : ` ${hint}`}`.padEnd(26)} ${help}`,
    )
    .join('\n')
}
