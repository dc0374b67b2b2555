/** The tests of the bench. */
import { defineTests } from '../vitest.shared.ts'
import { COMPARISONS, TIMED } from './test/helpers/projects.ts'

export default defineTests({
  folder: 'bench',
  name: 'bench',
  include: ['test/**/*.test.ts', '*/test/**/*.test.ts'],
  exclude: [...TIMED, ...COMPARISONS],
  slow: ['bench/test/scale.test.ts'],
})
