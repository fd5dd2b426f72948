// A gateway in a process of its own, that says what it holds when it is asked: the program behind process.ts.

import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapCodeStatistics } from 'node:v8';
import { tuneCollector } from '../../src/cli/collector.ts';
import { createGateway, createLog, createSecrets, loadConfig } from '../../src/gateway.ts';
import type { Ask, Sample } from './process.ts';

// As every process that serves.
tuneCollector();
// What the loader keeps to tell where errors come from would grow with each first one.
process.setSourceMapsEnabled(false);
const [path = '', token = '', level = 'silent'] = process.argv.slice(2);
const load = (file: string) => loadConfig({ path: file, env: {} });
const config = load(path);
const log = createLog({
  level,
  secrets: createSecrets([...config.secrets, token]),
  destination: process.stderr,
});
const gateway = createGateway(config, { log, token });
const { url } = await gateway.listen({ host: '127.0.0.1', port: 0 });
await gateway.attempted;

process.on('message', async ({ id, does, file }: Ask) => {
  if (does === 'reload') await gateway.reload(load(file as string));
  process.send?.({ id, sample: does === 'sample' ? await sample() : undefined });
});
// Whoever started it has gone.
process.on('disconnect', () => process.exit(1));
process.send?.({ url });

async function sample(): Promise<Sample> {
  // What is freed with one collection lets go of more in the next one.
  for (let n = 0; n < 3; n++) {
    (globalThis.gc as () => void)();
    await sleep(10);
  }
  return {
    heapBytes: process.memoryUsage().heapUsed - getHeapCodeStatistics().code_and_metadata_size,
    handles: process
      .getActiveResourcesInfo()
      .filter((kind) => /Socket|Server|Pipe|Process|Timeout/.test(kind)).length,
    waiting: Object.values(gateway.waiting()).reduce((sum, count) => sum + count, 0),
  };
}
