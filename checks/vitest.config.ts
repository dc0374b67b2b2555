/** The tests of the checks. */
import { defineTests } from '../vitest.shared.ts'

export default defineTests({
  folder: 'checks',
  name: 'checks',
  include: ['test/**/*.test.ts'],
  slow: ['checks/test/rollout.test.ts'],
})
