/** The tests of whole reports. Their checks compare times, and ask again within the minute of a limit. */
import { defineTests } from '../vitest.shared.ts'
import { WHOLE_REPORTS } from './test/helpers/projects.ts'

export default defineTests({
  folder: 'report',
  name: 'report-timed',
  include: WHOLE_REPORTS,
  timed: true,
  slow: WHOLE_REPORTS,
})
