/** Reads and writes result files, and refuses those of another version. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { UsageError } from '../../harness/errors.ts'
import { type Result, ResultSchema, SCHEMA_VERSION } from './schema.ts'

const DEFAULT_DIRECTORY = fileURLToPath(new URL('../results/', import.meta.url))

/** Returns the path of a saved result: a name lives in the results folder, anything else is a path. */
export function resultPath(nameOrPath: string, directory = DEFAULT_DIRECTORY): string {
  return /^[\w-]+$/.test(nameOrPath) ? join(directory, `${nameOrPath}.json`) : resolve(nameOrPath)
}

export async function writeResult(path: string, result: Result): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `${JSON.stringify(result)}\n`)
}

/** Returns the result; throws a UsageError of one line when it is missing, broken or of another schema version. */
export async function readResult(nameOrPath: string, directory?: string): Promise<Result> {
  const path = resultPath(nameOrPath, directory)
  const text = await readFile(path, 'utf8').catch(() => {
    throw new UsageError(`there is no result "${nameOrPath}"`)
  })
  const value = parse(text, nameOrPath)
  const version =
    typeof value === 'object' && value !== null ? Reflect.get(value, 'schemaVersion') : undefined
  if (version !== SCHEMA_VERSION) {
    throw new UsageError(
      `${nameOrPath} has schema version ${version ?? 'none'}, this bench reads ${SCHEMA_VERSION}`,
    )
  }
  const checker = TypeCompiler.Compile(ResultSchema)
  const problem = checker.Errors(value).First()
  if (problem) throw new UsageError(`${nameOrPath} is not a result: ${problem.path} ${problem.message}`)
  return checker.Decode(value)
}

/** Returns the names of the saved results, and what is in each; a file that cannot be read is left out. */
export async function listResults(
  directory = DEFAULT_DIRECTORY,
): Promise<{ name: string; result: Result }[]> {
  const files = await readdir(directory).catch(() => [])
  const names = files.filter(file => file.endsWith('.json')).map(file => file.slice(0, -'.json'.length))
  const read = await Promise.all(
    names.sort().map(async name => {
      const result = await readResult(name, directory).catch(() => undefined)
      return result ? [{ name, result }] : []
    }),
  )
  return read.flat()
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError(`${name} is not JSON`)
  }
}
