// The load generator: a process of its own that runs the slices it is sent, one after the other.

import { createHold, type Hold } from './hold.ts';
import type { Command, Outcome, Reply } from './job.ts';
import { connectCallers, type Slice } from './slice.ts';

let slice: Slice | undefined;
/** Whoever asked before may have lost patience; what comes of it then is nobody's. */
let newest = 0;
const holds: Hold[] = [];

process.on('disconnect', () => process.exit(0));
process.on('message', (command: Command) => {
  const { n } = command;
  newest = n;
  obey(command).then(
    (outcome) => reply({ n, ...outcome }),
    (error: unknown) => reply({ n, failure: String(error) }),
  );
});

async function obey(command: Command): Promise<Outcome> {
  if (command.step === 'run') {
    if (slice === undefined) throw new Error('There are no callers yet');
    return { measured: await slice.run() };
  }
  if (command.step === 'connect') {
    slice?.close();
    const connected = await connectCallers(command.job);
    if (newest === command.n) slice = connected;
    else connected.close();
  } else if (command.step === 'hold') holds.push(await createHold(command.job, command.stream));
  else for (const hold of holds.splice(0)) hold.release();
  return { done: true };
}

function reply(reply: Reply): void {
  process.send?.(reply);
}
