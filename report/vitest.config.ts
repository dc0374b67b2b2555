/** The tests of the report. */
import { defineTests } from '../vitest.shared.ts'
import { WHOLE_REPORTS } from './test/helpers/projects.ts'

export default defineTests({
  folder: 'report',
  name: 'report',
  include: ['test/**/*.test.ts'],
  exclude: WHOLE_REPORTS,
  slow: ['report/test/change.test.ts', 'report/test/bad-input.test.ts'],
})
