import { fstatSync, openSync, type Stats, stat } from 'node:fs';
import { pino } from 'pino';
import { within } from '../../promises.ts';

/** Where lines about calls go. */
export interface AuditLines {
  write(lines: string): void;
  /** Resolves when what was written is on its way, or cannot get there. */
  close(): Promise<void>;
}

/** What waits while nobody reads, or the disk does not keep up. More is dropped: no call waits for its line. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const CLOSE_MS = 2000;
/** How soon it is seen that the file is another one. Nobody has to tell, and there may be several processes to be told. */
const LOOK_MS = 1000;
/** Lines that are lost are told of so often at most, and for as long as they are. */
const TELL_MS = 60_000;

/**
 * Adds them to a file. When that is renamed or removed, as by logrotate, it is begun anew.
 *
 * @param onProblem  lines are lost: the code of the error, or how many waited already. Called once a minute at most.
 * @throws the error of the file system, with its code
 */
export function openAuditFile(path: string, onProblem: (why: string) => void): AuditLines {
  let toldAt = Number.NEGATIVE_INFINITY;
  const fail = (why: string) => {
    const now = performance.now();
    if (now - toldAt < TELL_MS) return;
    toldAt = now;
    onProblem(why);
  };
  const onError = (error: { code?: string }) => fail(error.code ?? 'write failed');
  function open() {
    const fd = openSync(path, 'a', 0o600);
    const { dev, ino } = fstatSync(fd);
    const stream = pino.destination({
      fd,
      sync: false,
      maxLength: MAX_WAITING_BYTES,
      maxWrite: 64 * 1024,
    });
    stream.on('error', onError);
    stream.on('drop', () => fail(`more than ${MAX_WAITING_BYTES} bytes wait`));
    return { stream, dev, ino };
  }
  // Now and not when the first line comes: who wants a record of calls is told that there will be none.
  let current = open();
  let isClosed = false;
  const looking = setInterval(() => {
    stat(path, (_isMissing, { dev, ino } = {} as Stats) => {
      if (isClosed || (dev === current.dev && ino === current.ino)) return;
      const { stream } = current;
      try {
        current = open();
        stream.end();
      } catch (error) {
        onError(error as { code?: string });
      }
    });
  }, LOOK_MS).unref();
  return {
    write: (lines) => void current.stream.write(lines),
    async close() {
      isClosed = true;
      clearInterval(looking);
      const { stream } = current;
      const closed = new Promise((resolve) => stream.once('close', resolve));
      stream.end();
      await within(CLOSE_MS, closed);
    },
  };
}
