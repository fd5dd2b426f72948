import { openSync } from 'node:fs';
import { pino } from 'pino';
import { within } from '../downstream/within.ts';

/** Where lines about calls go. */
export interface AuditLines {
  write(line: string): void;
  /** Resolves when what was written is on its way, or cannot get there. */
  close(): Promise<void>;
}

/** Lines become one write; the last ones of a quiet time wait no longer than this. */
const BATCH_BYTES = 8 * 1024;
const FLUSH_MS = 250;
/** What waits while nobody reads, or the disk does not keep up. More is dropped: no call waits for its line. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const CLOSE_MS = 2000;

/**
 * Adds them to a file.
 *
 * @param onProblem  lines are lost: the code of the error, or how many waited already. Called once.
 * @throws the error of the file system, with its code
 */
export function openAuditFile(path: string, onProblem: (why: string) => void): AuditLines {
  // Now and not when the first line comes: who wants a record of calls is told that there will be none.
  const fd = openSync(path, 'a', 0o600);
  const stream = pino.destination({
    fd,
    sync: false,
    minLength: BATCH_BYTES,
    maxLength: MAX_WAITING_BYTES,
    maxWrite: 64 * 1024,
    periodicFlush: FLUSH_MS,
  });
  let hasFailed = false;
  const fail = (why: string) => {
    if (!hasFailed) onProblem(why);
    hasFailed = true;
  };
  stream.on('error', (error: { code?: string }) => fail(error.code ?? 'write failed'));
  stream.on('drop', () => fail(`more than ${MAX_WAITING_BYTES} bytes wait`));
  return {
    write: (line) => void stream.write(line),
    async close() {
      const closed = new Promise((resolve) => stream.once('close', resolve));
      stream.end();
      await within(CLOSE_MS, closed);
    },
  };
}

/** Gives them to a stream that makes nobody wait, many at a time: each write of it costs more than ten lines do. */
export function batchAuditLines(stream: { write(text: string): void }): AuditLines {
  let waiting = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting !== '') stream.write(waiting);
    waiting = '';
  };
  return {
    write(line) {
      waiting += line;
      if (waiting.length >= BATCH_BYTES) flush();
      else timer ??= setTimeout(flush, FLUSH_MS);
    },
    close: async () => flush(),
  };
}
