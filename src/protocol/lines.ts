const NEWLINE = 0x0a;

/**
 * Cuts a byte stream into lines, without the line break, whatever the chunk borders.
 *
 * @param onTooLong  called once when a line exceeds `maxBytes`; nothing more is delivered
 */
export function createLineReader(
  maxBytes: number,
  onLine: (line: string) => void,
  onTooLong: () => void,
): { feed(chunk: Buffer): void } {
  let parts: Buffer[] = [];
  let bytes = 0;
  let stopped = false;

  function keep(part: Buffer): void {
    bytes += part.length;
    parts.push(part);
    if (bytes <= maxBytes) return;
    stopped = true;
    parts = [];
    onTooLong();
  }

  return {
    feed(chunk) {
      let start = 0;
      while (!stopped) {
        const end = chunk.indexOf(NEWLINE, start);
        if (end === -1) break;
        keep(chunk.subarray(start, end));
        if (stopped) return;
        const line = (parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)).toString('utf8');
        parts = [];
        bytes = 0;
        start = end + 1;
        onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
      }
      if (!stopped && start < chunk.length) keep(chunk.subarray(start));
    },
  };
}
