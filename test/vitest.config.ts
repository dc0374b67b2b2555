/** The tests of the service. */
import { defineTests } from '../vitest.shared.ts'

export default defineTests({
  folder: 'test',
  name: 'service',
  include: ['**/*.test.ts'],
  exclude: ['modules/accounts/enumeration.test.ts'],
  slow: [
    'test/db/migration-histories.test.ts',
    'test/first-run.test.ts',
    'test/fuzz.test.ts',
    'test/faults/shutdown.test.ts',
    'test/faults/start.test.ts',
    'test/db/embedded.test.ts',
    'test/process/workers.test.ts',
    'test/commands/commands.test.ts',
    'test/commands/migrations.test.ts',
    'test/http/connection-cap.test.ts',
    'test/modules/sessions/revocation-races.test.ts',
  ],
})
