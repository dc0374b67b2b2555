/** `npm run template`: makes the repository yours, and adds and removes modules. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { TEMPLATE_COMMIT } from '../checks/migrations/template-commit.ts'
import { UserFacingError } from '../src/lib/user-facing-error.ts'
import { type Field, parseFields } from './fields.ts'
import { init } from './init.ts'
import { list } from './list.ts'
import { readModules } from './modules.ts'
import { problemWithName, problemWithTitle, quote, titleOf } from './names.ts'
import { addModule, problemWithModule } from './new.ts'
import { partsIn } from './parts.ts'
import { assertRemovable, remove } from './remove.ts'
import { readIdentity } from './rename.ts'
import { openStaging, type Staging } from './staging.ts'

const USAGE = `Usage: npm run template -- <command>

  init --name <name>     makes the repository a service of your own
      --title <title>    the name for people; by default made of the name
      --without <a,b>    modules and parts to remove: see list
      --new <module>     adds a first module, with --fields as below
  new <module>           adds a module, made from the example notes
      --fields <fields>  title:text,total:integer,dueAt:timestamp? (types: text, integer, boolean, timestamp, uuid;
                         ? allows null); by default the fields of notes
  remove <name>          removes a module or a part
  list                   the modules and parts, and what can be removed

  --dry-run              prints what would change, and changes nothing
  --yes                  asks nothing: defaults where an option is missing`

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const COMMANDS = ['init', 'new', 'remove', 'list'] as const

const OPTIONS = {
  name: { type: 'string' },
  title: { type: 'string' },
  without: { type: 'string', multiple: true },
  new: { type: 'string' },
  fields: { type: 'string' },
  'dry-run': { type: 'boolean' },
  yes: { type: 'boolean' },
  help: { type: 'boolean' },
} as const

/** The working tree, for what only reads. */
const FILES = {
  has: (path: string) => existsSync(join(ROOT, path)),
  read: (path: string) => readFileSync(join(ROOT, path), 'utf8'),
}

type Options = ReturnType<typeof parse>['values']

class UsageError extends Error {}

try {
  await main(parse(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof UserFacingError)) throw error
  console.error(error.message)
  process.exitCode = error instanceof UsageError ? 2 : 1
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError(
      `${(error as Error).message.split('\n')[0]} \`npm run template -- --help\` has the commands.`,
    )
  }
}

async function main({ values, positionals }: ReturnType<typeof parse>): Promise<void> {
  const [given, name, ...rest] = positionals
  if (values.help || given === undefined) return console.log(USAGE)
  const command = COMMANDS.find(other => other === given)
  const takesName = command === 'new' || command === 'remove'
  if (command === undefined || rest.length > 0 || (name !== undefined && !takesName)) {
    throw new UsageError(`There is no such command. \`npm run template -- --help\` lists them.`)
  }
  if (command === 'list') for (const line of await list(ROOT, FILES)) console.log(line)
  else if (command === 'init') await runInit(values)
  else if (command === 'new') await runNew(name, values)
  else await runRemove(name, values)
}

async function runInit(values: Options): Promise<void> {
  const name = values.name ?? (await ask(values, 'Name of the service, such as orders-api'))
  if (name === undefined) throw new UsageError('init needs --name, such as --name orders-api')
  refuse(problemWithName(name))
  const title = values.title ?? (await ask(values, 'Title for people', titleOf(name))) ?? titleOf(name)
  refuse(problemWithTitle(title))
  const removable = await removableNames()
  const left =
    values.without?.join(',') ?? (await ask(values, `Leave out (${removable.join(', ')})`, '')) ?? ''
  const without = [...new Set(left.split(',').map(part => part.trim()))].filter(Boolean)
  if (values.new !== undefined) refuse(problemWithName(values.new))
  const module = values.new === undefined ? undefined : { name: values.new, fields: fieldsOf(values.fields) }
  await change(values, async staging => {
    refuse(problemWithService(name))
    await assertRemovable(staging, without)
    if (module) refuse(await problemWithModule(staging, module.name))
    await init(staging, { name, title, without, module })
  })
  if (!values['dry-run']) console.log(nextSteps(title))
}

async function runNew(given: string | undefined, values: Options): Promise<void> {
  const name = given ?? (await ask(values, 'Name of the module, such as orders'))
  if (name === undefined) throw new UsageError('new needs a name: npm run template -- new orders')
  refuse(problemWithName(name))
  const asked = values.fields ?? (await ask(values, 'Fields, such as title:text,dueAt:timestamp?', ''))
  const fields = fieldsOf(asked)
  await change(values, async staging => {
    refuse(await problemWithModule(staging, name))
    await addModule(staging, { name, fields })
    await staging.format()
  })
  if (!values['dry-run'])
    console.log(`${name} is in src/modules/${name}: npm run check && npm test -- test/modules/${name}`)
}

async function runRemove(given: string | undefined, values: Options): Promise<void> {
  const name = given ?? (await ask(values, `What to remove (${(await removableNames()).join(', ')})`))
  if (name === undefined) throw new UsageError('remove needs a name: `npm run template -- list` has them')
  await change(values, staging => remove(staging, name))
  if (!values['dry-run']) console.log(`${name} is removed: npm ci && npm run check && npm test`)
}

/** Makes changes in a copy, says what they are, and applies them unless this is a dry run. */
async function change(values: Options, make: (staging: Staging) => Promise<void>): Promise<void> {
  const staging = await openStaging(ROOT)
  try {
    await make(staging)
    const changes = staging.changes()
    if (values['dry-run']) for (const { kind, path } of changes) console.log(`${kind.padEnd(6)}  ${path}`)
    else staging.apply()
    const count = (kind: string) => changes.filter(other => other.kind === kind).length
    console.log(`Files added: ${count('add')}, changed: ${count('change')}, removed: ${count('remove')}.`)
  } finally {
    staging.close()
  }
}

function fieldsOf(fields: string | undefined): Field[] {
  return fields === undefined || fields === '' ? [] : parseFields(fields)
}

async function removableNames(): Promise<string[]> {
  const modules = await readModules(ROOT)
  return [...modules.filter(({ isRequired }) => !isRequired).map(({ name }) => name), ...partsIn(FILES)]
}

function problemWithService(name: string): string | undefined {
  const own = readIdentity(FILES)
  if (TEMPLATE_COMMIT !== '') return `This repository is a service of its own already: ${own.name}.`
  if (name === own.name) return `The service has the name ${quote(name)} already.`
  const { packages } = JSON.parse(FILES.read('package-lock.json')) as { packages: object }
  if (`node_modules/${name}` in packages)
    return `${quote(name)} is the name of a package that the service uses.`
  return undefined
}

function refuse(problem: string | undefined): void {
  if (problem !== undefined) throw new UserFacingError(problem)
}

/** Asks the person at the terminal; undefined where there is none, and where --yes says so. */
async function ask({ yes }: Options, question: string, fallback?: string): Promise<string | undefined> {
  if (yes || !process.stdin.isTTY || !process.stdout.isTTY) return fallback
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  terminal.once('SIGINT', () => process.exit(130))
  try {
    const answer = await terminal.question(`${question}${fallback ? ` [${fallback}]` : ''}: `)
    return answer.trim() === '' ? fallback : answer.trim()
  } finally {
    terminal.close()
  }
}

function nextSteps(title: string): string {
  return `
${title} is ready. Next:

  npm ci                                    installs what is left
  npm run check && npm test                 says that nothing is missing
  git add --all && git commit -m "feat: begin ${title}"
  npm start                                 serves on http://localhost:3000

Then read README.md, set a remote of your own, and add what the service is about: npm run template -- new <module>.`
}
