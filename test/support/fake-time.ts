import { vi } from 'vitest';

/** Time that passes only when the test lets it. */
export async function withFakeTime(run: () => Promise<void>): Promise<void> {
  vi.useFakeTimers();
  try {
    await run();
  } finally {
    vi.useRealTimers();
  }
}
