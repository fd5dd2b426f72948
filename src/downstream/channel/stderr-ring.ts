import type { Logger } from '../../log.ts';
import { createLineReader } from '../../protocol/lines.ts';
import { Pace } from '../../protocol/pace.ts';

/** What a child wrote to stderr last, and no more of it than is of use. */
export interface StderrRing {
  feed(chunk: Buffer): void;
  /** Once it has ended. Usually the reason for that: the error, if one of its lines names one. */
  lastWords(): string | undefined;
}

const MAX_KEPT_BYTES = 64 * 1024;
/** A longer one is kept by its beginning and its end. */
const MAX_LINE_BYTES = 8 * 1024;
const MAX_LOGGED_PER_SECOND = 20;
const NAMES_ERROR = /^\s*(\w*Error|error)\b/;
/** What `npx` says of a failure: why it is one, after its code and before where the log of it lies. */
const NPM_REASON = /^npm (error|ERR!) (?!code|syscall|errno|path|dest|A complete log)/;

export function createStderrRing(log: Logger): StderrRing {
  const lines: string[] = [];
  let bytes = 0;
  const pace = new Pace(MAX_LOGGED_PER_SECOND);
  let skipped = 0;

  function keep(line: string): void {
    lines.push(line);
    // At least a byte each: a flood of empty lines is one as well.
    bytes += line.length + 1;
    while (bytes > MAX_KEPT_BYTES) bytes -= (lines.shift() as string).length + 1;
    if (log.isLevelEnabled('debug')) tell(line);
  }

  function tell(line: string): void {
    if (!pace.allows()) {
      skipped++;
      return;
    }
    if (skipped > 0) log.debug({ event: 'stderr_skipped', lines: skipped }, 'it wrote more than is logged');
    skipped = 0;
    log.debug({ event: 'stderr', line }, 'the process wrote to stderr');
  }

  const reader = createLineReader(() => MAX_LINE_BYTES, keep, keep);
  return {
    feed: reader.feed,
    lastWords() {
      reader.end();
      const said = lines.filter((line) => line.trim() !== '' && !/^Node\.js v\d/.test(line));
      return (
        said.findLast((line) => NAMES_ERROR.test(line)) ??
        said.find((line) => NPM_REASON.test(line)) ??
        said.at(-1)
      );
    },
  };
}
