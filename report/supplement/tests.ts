/** Reads the results of a test run from the JSON file of Vitest's or Jest's reporter. */
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { type Static, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { RunError } from '../../harness/errors.ts'
import type { Tests } from '../document/supplement.ts'
import { messageOf } from '../errors.ts'

const ResultsSchema = Type.Object({
  numPassedTests: Type.Integer(),
  numFailedTests: Type.Integer(),
  numPendingTests: Type.Integer(),
  numTodoTests: Type.Optional(Type.Integer()),
  startTime: Type.Optional(Type.Number()),
  testResults: Type.Array(
    Type.Object({
      name: Type.String(),
      status: Type.String(),
      message: Type.Optional(Type.String()),
      assertionResults: Type.Array(
        Type.Object({
          fullName: Type.String(),
          status: Type.String(),
          failureMessages: Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()])),
        }),
      ),
    }),
  ),
})

type Results = Static<typeof ResultsSchema>

/**
 * Returns the results in a file. `committedAt` is the time of the commit in ms: older results may be of other code.
 * Throws a RunError where the file is not one of test results.
 */
export function readTests(file: string, root: string, committedAt: number | undefined): Tests {
  const results = parseResults(file)
  const { numPassedTests, numPendingTests, numTodoTests = 0, startTime, testResults } = results
  const failures = testResults.flatMap(result => failuresOf(result, root))
  const isOlder = startTime !== undefined && committedAt !== undefined && startTime < committedAt
  return {
    file: relative(root, file).startsWith('..') ? (file.split(/[\\/]/).at(-1) ?? file) : relative(root, file),
    passed: numPassedTests,
    failed: failures.length,
    skipped: numPendingTests + numTodoTests,
    files: testResults.length,
    ...(startTime !== undefined && { started: new Date(startTime).toISOString() }),
    ...(isOlder && { doubt: 'the run started before the commit was made' }),
    failures,
  }
}

/** A file that cannot be loaded has no tests, and counts as one failure. */
function failuresOf(result: Results['testResults'][number], root: string): Tests['failures'] {
  const file = relative(root, result.name)
  const failed = result.assertionResults.filter(({ status }) => status === 'failed')
  if (failed.length === 0 && result.status === 'failed') {
    return [{ file, name: 'the file itself', message: firstLine(result.message ?? '') }]
  }
  return failed.map(({ fullName, failureMessages }) => ({
    file,
    name: fullName,
    message: firstLine(failureMessages?.[0] ?? ''),
  }))
}

function firstLine(text: string): string {
  return stripVTControlCharacters(text).split('\n', 1)[0]?.trim() ?? ''
}

function parseResults(file: string): Results {
  const compiled = TypeCompiler.Compile(ResultsSchema)
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new RunError(`--tests ${file}: ${messageOf(error)}`)
  }
  const problem = compiled.Errors(value).First()
  if (problem) {
    throw new RunError(`--tests ${file} is not the JSON of a test run: ${problem.path} ${problem.message}`)
  }
  return compiled.Decode(value)
}
