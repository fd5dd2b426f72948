import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
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
  createInterface({ input: process.stdin })
    .on('line', (line) => record({ event: 'received', message: JSON.parse(line) }))
    .on('close', () => record({ event: 'stdin closed' }));
}
