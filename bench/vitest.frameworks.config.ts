/** The tests of what the bench compares the service with: the first to run installs 300 MB of other people's packages. */
import { defineTests } from '../vitest.shared.ts'
import { COMPARISONS } from './test/helpers/projects.ts'

export default defineTests({ folder: 'bench', name: 'frameworks', include: COMPARISONS })
