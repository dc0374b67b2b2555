/** The tests of the service that compare times. */
import { defineTests } from '../vitest.shared.ts'

export default defineTests({
  folder: 'test',
  name: 'service-timed',
  include: ['modules/accounts/enumeration.test.ts'],
  timed: true,
})
