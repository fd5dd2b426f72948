// The load generator: a process of its own that runs the slices it is sent, one after the other.

import { createHold, type Hold } from './hold.ts';
import type { Command, Reply } from './job.ts';
import { connectCallers, type Slice } from './slice.ts';

let slice: Slice | undefined;
const holds: Hold[] = [];

process.on('disconnect', () => process.exit(0));
process.on('message', (command: Command) => {
  obey(command).then(reply, (error: unknown) => reply({ failure: String(error) }));
});

async function obey(command: Command): Promise<Reply> {
  if (command.step === 'run') {
    if (slice === undefined) throw new Error('There are no callers yet');
    return { measured: await slice.run() };
  }
  if (command.step === 'connect') slice = await connectCallers(command.job);
  else if (command.step === 'hold') holds.push(await createHold(command.job, command.stream));
  else for (const hold of holds.splice(0)) hold.release();
  return { done: true };
}

function reply(reply: Reply): void {
  process.send?.(reply);
}
