import { appendFileSync } from 'node:fs';
import { createLineReader } from '../../../../src/protocol/lines.ts';
import type { Message } from '../../messages.ts';

/** What a fixture process tells the test, past the gateway, in a file. */
export type StdioEvent =
  | {
      readonly event: 'started';
      readonly pid: number;
      readonly env: Record<string, string>;
      readonly cwd: string;
    }
  | { readonly event: 'grandchild'; readonly pid: number }
  | { readonly event: 'received'; readonly message: Message }
  | { readonly event: 'call ended'; readonly tool: string; readonly outcome: 'answered' | 'cancelled' }
  | { readonly event: 'stdin closed' };

export function record(event: StdioEvent): void {
  if (process.env.FIXTURE_EVENTS) appendFileSync(process.env.FIXTURE_EVENTS, `${JSON.stringify(event)}\n`);
}

/** Writes down the start of this process and every line that it is sent, beside whoever else reads stdin. */
export function recordStdin(): void {
  record({
    event: 'started',
    pid: process.pid,
    env: { ...process.env } as Record<string, string>,
    cwd: process.cwd(),
  });
  // Not `node:readline`: on Node 24 a line ends for it where JSON may have U+2028.
  const lines = createLineReader(
    () => 16 * 1024 * 1024,
    (line) => record({ event: 'received', message: JSON.parse(line) }),
    () => {},
  );
  process.stdin.on('data', (chunk) => lines.feed(chunk)).on('end', () => record({ event: 'stdin closed' }));
}
