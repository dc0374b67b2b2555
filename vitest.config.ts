/** How the tests run: on a real PostgreSQL that they start themselves, each file on its own clone of a template. */
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Tests whose subject is how long something takes, compared with something else in the same run. They come after the
 * others, two at a time: the first takes as long as what goes before the last test of the third.
 */
const TIMED = [
  'bench/test/cross-check.test.ts',
  'bench/test/coordinated-omission.test.ts',
  'test/modules/accounts/enumeration.test.ts',
  'bench/test/load.test.ts',
]

/** Tests of what the bench compares: the first to run installs 300 MB of other people's frameworks. */
const PEERS = [
  'bench/test/ab.test.ts',
  'bench/test/data-layers.test.ts',
  'bench/test/frameworks.test.ts',
  'bench/test/frameworks-command.test.ts',
]

/** What takes longest, longest first. Vitest would go by the sizes of files, and by times that leave out hooks. */
const SLOW = [
  'report/test/live.test.ts',
  'report/test/change.test.ts',
  'test/db/migration-histories.test.ts',
  'test/first-run.test.ts',
  'test/fuzz.test.ts',
  'report/test/bad-input.test.ts',
  'checks/test/rollout.test.ts',
  'test/faults/shutdown.test.ts',
  'test/faults/start.test.ts',
  'bench/test/scale.test.ts',
  'test/db/embedded.test.ts',
  'test/process/workers.test.ts',
  'test/commands/commands.test.ts',
  'test/commands/migrations.test.ts',
  'test/http/connection-cap.test.ts',
  'test/modules/sessions/revocation-races.test.ts',
  ...TIMED,
]

/** Begins with what is slow, so that at the end no worker waits for another. */
class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const slow = SLOW.flatMap(name => sorted.filter(({ moduleId }) => moduleId.endsWith(name)))
    return [...slow, ...sorted.filter(file => !slow.includes(file))]
  }
}

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'all',
          include: ['{test,harness/test,bench/test,report/test,checks/test}/**/*.test.ts'],
          exclude: [...TIMED, ...PEERS],
        },
      },
      { extends: true, test: { name: 'peers', include: PEERS } },
      // After the others, one for each core at most: what else runs would be in their measurements.
      {
        extends: true,
        test: { name: 'timed', include: TIMED, maxWorkers: 2, sequence: { groupOrder: 1 } },
      },
    ],
    // Twice the cores: most tests wait for a process to start, to answer or to end, or for a limit to pass.
    maxWorkers: 2 * availableParallelism(),
    // A worker of its own for each file would load the app for each, which takes a second.
    isolate: false,
    // Collecting garbage less often, and in one thread where the cores are busy anyway, takes a fifth of the CPU time off
    // the tests that work in their worker.
    execArgv: ['--single-threaded-gc', '--max-semi-space-size=64'],
    globalSetup: 'test/helpers/global-setup.ts',
    sequence: { sequencer: SlowFirst },
    pool: 'forks',
    setupFiles: 'test/helpers/setup.ts',
    // What hangs ends by these, and what is slow on a busy machine does not.
    testTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } },
    hookTimeout: 240_000,
    // A process takes seconds to start on a busy host; what is slower than that is worth a line.
    slowTestThreshold: 10_000,
    // Node itself loads and strips the files, as it does in production.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    coverage: {
      provider: 'v8',
      // Much of src/ runs only in processes that tests start. Their counts can be added up because, without Vite's
      // module runner, both sides run the same text.
      autoAttachSubprocess: true,
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'html'],
      thresholds: { lines: 90, branches: 90 },
    },
  },
})
