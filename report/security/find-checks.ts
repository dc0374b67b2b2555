/** Finds the security checks: every export of every file in `checks/`. Deleting a file removes its checks. */
import { readdir } from 'node:fs/promises'
import type { Check } from './check.ts'

const FOLDER = new URL('./checks/', import.meta.url)

/** Returns all checks in the order of the report. Throws where two have the same id. */
export async function findChecks(folder = FOLDER): Promise<Check[]> {
  const files = (await readdir(folder)).filter(file => /\.[jt]s$/.test(file)).sort()
  const modules = await Promise.all(files.map(file => import(new URL(file, folder).href)))
  const checks = modules.flatMap(exports => Object.values<Check>(exports))
  const repeated = checks.find((check, index) => checks.findIndex(({ id }) => id === check.id) !== index)
  if (repeated) throw new Error(`two security checks have the id "${repeated.id}"`)
  return checks.toSorted(byRank)
}

function byRank(a: Check, b: Check): number {
  const [first, second] = [a, b].map(({ rank = Number.MAX_SAFE_INTEGER }) => rank)
  return (first ?? 0) - (second ?? 0) || (a.id < b.id ? -1 : 1)
}
