// The load generator: a process of its own that runs the slices it is sent, one after the other.

import type { Command, Reply } from './job.ts';
import { connectCallers, type Slice } from './slice.ts';

let slice: Slice | undefined;

process.on('disconnect', () => process.exit(0));
process.on('message', (command: Command) => {
  obey(command).then(reply, (error: unknown) => reply({ failure: String(error) }));
});

async function obey(command: Command): Promise<Reply> {
  if (command.step === 'run') {
    if (slice === undefined) throw new Error('There are no callers yet');
    return { measured: await slice.run() };
  }
  slice = await connectCallers(command.job);
  return { connected: true };
}

function reply(reply: Reply): void {
  process.send?.(reply);
}
