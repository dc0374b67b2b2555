/** Part of `npm run check`: do the imports point the way that the layout says? */
import { fileURLToPath } from 'node:url'
import { findForbiddenImports } from './cruise.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const { files, problems } = await findForbiddenImports(ROOT)
if (problems.length > 0) {
  console.error(problems.join('\n'))
  console.error(`${problems.length} imports break a rule of checks/imports/rules.ts.`)
  process.exitCode = 1
} else {
  console.log(`The imports of ${files} files are in order.`)
}
