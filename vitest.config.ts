/** How the tests run: on a real PostgreSQL that they start themselves, each file on its own clone of a template. */
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { MAX_WORKERS } from './vitest.shared.ts'

/**
 * Begins with what is slow, so that at the end no worker waits for another. Vitest would go by the sizes of files, and by
 * times that leave out hooks.
 */
class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => placeOf(a) - placeOf(b))
  }
}

function placeOf({ moduleId, project }: TestSpecification): number {
  const place = project.config.provide.slow?.findIndex(name => moduleId.endsWith(`/${name}`)) ?? -1
  return place === -1 ? Number.POSITIVE_INFINITY : place
}

export default defineConfig({
  test: {
    // The service's tests are in test/. Each workspace has its own: none is named here.
    projects: ['*/vitest*.config.ts'],
    maxWorkers: MAX_WORKERS,
    globalSetup: 'test/helpers/global-setup.ts',
    sequence: { sequencer: SlowFirst },
    // A process takes seconds to start on a busy host; what is slower than that is worth a line.
    slowTestThreshold: 10_000,
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
