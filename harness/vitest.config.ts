/** The tests of the harness. */
import { defineTests } from '../vitest.shared.ts'

export default defineTests({ folder: 'harness', name: 'harness', include: ['test/**/*.test.ts'] })
