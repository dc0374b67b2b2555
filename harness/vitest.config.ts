/** The tests of the harness. */
import { defineTests } from '../vitest.shared.ts'

export default defineTests({ name: 'harness', include: ['test/**/*.test.ts'] })
