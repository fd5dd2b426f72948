import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // As many as CI has cores: tests wait for processes and timers more than they compute.
    maxWorkers: 2,
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/every-test.ts'],
    // A machine with much else to do makes tests slow, and not wrong.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000, interval: 10 } },
  },
});
