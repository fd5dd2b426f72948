import { defineConfig } from 'vitest/config';

// The tests that hold the mutated files, of those that need no process and no connection: each mutant runs them.
export default defineConfig({
  test: {
    include: [
      'test/unit/{allowance,breaker,gate,names,retry-rules,token,written-answer,large-result}.test.ts',
    ],
    testTimeout: 20_000,
  },
});
