/** The tests of the report. */
import { defineTests } from '../vitest.shared.ts'

export default defineTests({
  folder: 'report',
  name: 'report',
  include: ['test/**/*.test.ts'],
  slow: [
    'report/test/self-test.test.ts',
    'report/test/live.test.ts',
    'report/test/change.test.ts',
    'report/test/bad-input.test.ts',
  ],
})
