/**
 * stderr as log lines need it: a line is written at once where there is room for it, so the last before a crash is there,
 * and nobody waits for a reader that does not read. Such a one (clients that start their servers, some of them) would
 * otherwise stop the whole gateway once its pipe is full. What it misses, or a file on a full disk, is counted, and the first
 * thing that is told when there is room again.
 */
export const stderr = {
  write(text: string): void {
    if (process.stderr.writableLength > MAX_WAITING_BYTES) {
      lost += linesIn(text);
      return;
    }
    const before = lost;
    lost = 0;
    process.stderr.write(before > 0 ? tellOfLost(before) + text : text, (error) => {
      if (error) lost += before + linesIn(text);
    });
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

let lost = 0;

const linesIn = (text: string) => text.split('\n').length - 1;

/** As the log writes its lines, which is one of those that use this. What is before it may be a part of one. */
const tellOfLost = (lines: number) =>
  `\n${JSON.stringify({
    ...{ level: 'error', time: new Date().toISOString(), event: 'lines_lost', lines },
    msg: `${lines} lines are missing here: nobody read what was before them, or there was no room`,
  })}\n`;

// Whoever read it has gone: no reason to end.
process.stderr.on('error', () => {});
