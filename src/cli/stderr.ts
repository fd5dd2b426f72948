/**
 * stderr as log lines need it: a line is written at once where there is room for it, so the last before a crash is there,
 * and nobody waits for a reader that does not read. Such a one (clients that start their servers, some of them) would
 * otherwise stop the whole gateway once its pipe is full.
 */
export const stderr = {
  write(text: string): void {
    if (process.stderr.writableLength <= MAX_WAITING_BYTES) process.stderr.write(text);
  },
  /** Resolves when everything is written, or nobody wants it. */
  async drained(): Promise<boolean> {
    const until = performance.now() + DRAIN_MS;
    while (process.stderr.writableLength > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return process.stderr.writableLength === 0;
  },
};

const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const DRAIN_MS = 1000;

// Whoever read it has gone: no reason to end.
process.stderr.on('error', () => {});
