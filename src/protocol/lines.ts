import { CUT } from '../cut.ts';
import { decodeUtf8 } from './text.ts';

const NEWLINE = 0x0a;
/** Of a line that is too long, what is kept of its beginning and its end: an id stands in one of them. */
const KEPT_BYTES = 1024;

export interface LineReader {
  feed(chunk: Buffer): void;
  /** Nothing more comes: what has no line break is a line as well. */
  end(): void;
}

/**
 * Cuts a byte stream into lines, without the line break, whatever the chunk borders.
 *
 * @param maxBytes   asked again for each part of a line
 * @param onTooLong  called at the end of a line longer than that, with what was kept of it around a mark; reading
 *   goes on
 * @param onNotUtf8  called instead of `onLine` for a line that is no text, with what can be read of it; where it is
 *   absent, that is the line
 */
export function createLineReader(
  maxBytes: () => number,
  onLine: (line: string) => void,
  onTooLong: (kept: string) => void,
  onNotUtf8: (readable: string) => void = onLine,
): LineReader {
  let parts: Buffer[] = [];
  let bytes = 0;

  function keep(part: Buffer): void {
    bytes += part.length;
    parts.push(part);
    if (bytes <= maxBytes() || parts.length < 2) return;
    parts = [endsOf(Buffer.concat(parts))];
  }

  function finish(): void {
    const whole = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    const text = decodeUtf8(whole);
    const line = text ?? whole.toString('utf8');
    const isTooLong = bytes > maxBytes();
    parts = [];
    bytes = 0;
    if (isTooLong) onTooLong(endsOf(whole).toString('utf8'));
    else if (text === undefined) onNotUtf8(line);
    else onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
  }

  return {
    feed(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
        keep(chunk.subarray(start, end));
        finish();
        start = end + 1;
      }
      if (start < chunk.length) keep(chunk.subarray(start));
    },
    end() {
      if (bytes > 0) finish();
    },
  };
}

const CUT_BYTES = Buffer.from(CUT);

function endsOf(line: Buffer): Buffer {
  const end = line.length - KEPT_BYTES;
  if (end <= KEPT_BYTES) return line;
  return Buffer.concat([line.subarray(0, KEPT_BYTES), CUT_BYTES, line.subarray(end)]);
}
