/** What the tests of the service and of the workspaces have in common. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { configDefaults, defineProject } from 'vitest/config'

declare module 'vitest' {
  interface ProvidedContext {
    /** The test files that take longest, longest first: they begin. */
    slow: string[]
  }
}

type Tests = {
  /** Where the tests are: the paths below are relative to it. */
  folder: string
  name: string
  include: string[]
  exclude?: string[]
  /** The files that take longest, longest first, by the ends of their paths. */
  slow?: string[]
  /**
   * Their subject is how long something takes, compared with something else in the same run. They come after the others,
   * two at a time: the first takes as long as what goes before the last test of the third.
   */
  timed?: boolean
}

const ROOT = fileURLToPath(new URL('.', import.meta.url))

/** Twice the cores: most tests wait for a process to start, to respond or to end, or for a limit to pass. */
export const MAX_WORKERS = 2 * availableParallelism()

/** Returns the configuration of a project of tests. */
export function defineTests({ folder, name, include, exclude = [], slow = [], timed = false }: Tests) {
  return defineProject({
    // The repository's, or src/ would not be in it, and no line of it in the coverage.
    root: ROOT,
    test: {
      name,
      dir: join(ROOT, folder),
      include,
      exclude: [...configDefaults.exclude, ...exclude],
      provide: { slow },
      // One for each core at most: what else runs would be in their measurements.
      ...(timed ? { maxWorkers: 2, sequence: { groupOrder: 1 } } : { maxWorkers: MAX_WORKERS }),
      // A worker of its own for each file would load the app for each, which takes a second.
      isolate: false,
      // Collecting garbage less often, and in one thread where the cores are busy anyway, takes a fifth of the CPU time
      // off the tests that work in their worker.
      execArgv: ['--single-threaded-gc', '--max-semi-space-size=64'],
      pool: 'forks',
      setupFiles: join(ROOT, 'test/helpers/setup.ts'),
      // What hangs ends by these, and what is slow on a busy machine does not.
      testTimeout: 120_000,
      hookTimeout: 240_000,
      expect: { poll: { timeout: 20_000 } },
      // Node itself loads and strips the files, as it does in production.
      experimental: { viteModuleRunner: false, nodeLoader: false },
    },
  })
}
