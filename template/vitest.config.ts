/** The tests of the template's tool that need no other checkout. */
import { defineTests } from '../vitest.shared.ts'

export default defineTests({ folder: 'template', name: 'template', include: ['test/*.test.ts'] })
