import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createGateway, createLog, createSecrets, loadConfig } from '../../src/gateway.ts';
import { token } from '../scene.ts';
import { openLedger, startCallers, type Tally } from './ledger.ts';

export interface Footprint {
  readonly heapBytes: number;
  /** Sockets, timers, files. */
  readonly handles: number;
}

/**
 * One gateway whose configuration changes back and forth under load: a server that stays and gets another header, one
 * that is shaped otherwise, and one that comes and goes.
 */
export async function measureReloads(
  times: number,
  callers: number,
): Promise<Tally & { before: Footprint; after: Footprint }> {
  const ledger = await openLedger(['work'], 15);
  const folder = mkdtempSync(join(tmpdir(), 'reloads-'));
  const configs = [configOf('one', ledger.url, folder), configOf('two', ledger.url, folder)] as const;
  const log = createLog({ level: 'silent', secrets: createSecrets(), destination: { write: () => {} } });
  const gateway = createGateway(configs[0], { log, token });
  try {
    const { url } = await gateway.listen({ host: '127.0.0.1', port: 0 });
    await gateway.attempted;
    const names = ['stays__work', 'moves__work', 'goes__work'];
    const load = (count: number) =>
      startCallers(count, [url], names, ledger, (name) => name.startsWith('goes'));
    const alternate = async (count: number) => {
      for (let n = 1; n <= count; n++) await gateway.reload(configs[n % 2] as (typeof configs)[0]);
    };
    // What is made once, is made here.
    const warmUp = load(callers);
    await alternate(Math.max(10, Math.ceil(times / 50) * 2));
    await warmUp.stop();
    const before = await footprint();
    const measured = load(callers);
    await alternate(times);
    const tally = await measured.stop();
    return { ...tally, before, after: await footprint() };
  } finally {
    await gateway.close();
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function configOf(name: 'one' | 'two', url: string, folder: string) {
  const path = join(folder, `${name}.json`);
  const isOne = name === 'one';
  const mcpServers = {
    stays: { url, headers: { 'X-API-KEY': `key-of-configuration-${name}` } },
    moves: { url, description: `as in ${name}` },
    ...(isOne && { goes: { url } }),
  };
  const toolsets = { some: { include: [isOne ? 'stays*' : 'moves*'] } };
  writeFileSync(path, JSON.stringify({ mcpServers, toolsets, catalogFile: '', drainMs: 5000 }));
  return loadConfig({ path, env: {} });
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** When what has been left has gone. */
async function footprint(): Promise<Footprint> {
  let handles = Number.POSITIVE_INFINITY;
  // Connections that are not used any more close within seconds, and on a busy machine not one right after the other.
  for (let unchanged = 0; unchanged < 10; unchanged++) {
    const open = process.getActiveResourcesInfo().length;
    if (open < handles) unchanged = 0;
    handles = Math.min(handles, open);
    await sleep(300);
  }
  for (let n = 0; n < 3; n++) {
    collect();
    await sleep(50);
  }
  return { heapBytes: process.memoryUsage().heapUsed, handles };
}
