// The process behind stdio.ts: it reads its script anew for every request.
import { appendFileSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Message } from '../messages.ts';
import type { StdioStep } from './stdio.ts';
import { type Era, usualResult } from './usual.ts';

const [scriptFile = '', pidFile = '', era = 'modern'] = process.argv.slice(2);
appendFileSync(pidFile, `${process.pid}\n`);

const write = (stream: NodeJS.WriteStream, bytes: string | Uint8Array) =>
  new Promise<void>((resolve) => stream.write(bytes, () => resolve()));

const lines = createInterface({ input: process.stdin });
// One after the other: the steps of two scripts would write into each other's lines.
let answering = Promise.resolve();
lines.on('line', (line) => {
  const message: Message = JSON.parse(line);
  if (message.id === undefined || message.method === undefined) return;
  answering = answering.then(() => answer(message));
});

async function answer(message: Message): Promise<void> {
  const on = JSON.parse(readFileSync(scriptFile, 'utf8')) as Record<string, StdioStep[]>;
  const right = JSON.stringify({ jsonrpc: '2.0', id: message.id, ...usualResult(era as Era, message) });
  for (const step of on[String(message.method)] ?? [{ write: '%answer\n' } satisfies StdioStep]) {
    if ('write' in step) {
      await write(
        process.stdout,
        step.write.replace('%answer', right).replace('%id', JSON.stringify(message.id)),
      );
    } else if ('bytes' in step) await write(process.stdout, Buffer.from(step.bytes));
    else if ('times' in step) {
      const stream = step.to === 'stderr' ? process.stderr : process.stdout;
      for (let i = 0; i < step.times; i++) await write(stream, step.piece);
    } else if (step.does === 'exit') process.exit(3);
    else if (step.does === 'die') process.kill(process.pid, 'SIGKILL');
    else if (step.does === 'close stdout') process.stdout.destroy();
    else process.stdin.pause();
  }
}
