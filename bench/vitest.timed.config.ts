/** The tests of the bench that compare times. */
import { defineTests } from '../vitest.shared.ts'
import { TIMED } from './test/helpers/projects.ts'

export default defineTests({ folder: 'bench', name: 'bench-timed', include: TIMED, timed: true, slow: TIMED })
