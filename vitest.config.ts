/** How the tests run: on a real PostgreSQL that they start themselves, each file on its own clone of a template. */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/helpers/global-setup.ts',
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
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
