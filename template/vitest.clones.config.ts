/** The tests that run the template's tool in copies of the repository: each installs, starts or checks a whole service. */
import { defineTests } from '../vitest.shared.ts'

export default defineTests({ folder: 'template', name: 'clones', include: ['test/clones/*.test.ts'] })
