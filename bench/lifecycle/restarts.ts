import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { main, stop } from '../../test/cli/serving.ts';
import { type Child, startNode } from '../../test/support/child.ts';
import { refusingPort } from '../../test/support/refusing-port.ts';
import { token } from '../scene.ts';
import { openLedger, startCallers, type Tally } from './ledger.ts';

const LOAD_MS = 150;

/** Two gateways, one of which is told to stop and started again at a time, under load all along. */
export async function measureRestarts(
  times: number,
  callers: number,
): Promise<Tally & { exits: Map<number | null, number> }> {
  if (!existsSync(main)) throw new Error('dist/main.js is missing: run "npm run build" first');
  const ledger = await openLedger(['work'], 120);
  const folder = mkdtempSync(join(tmpdir(), 'restarts-'));
  writeFileSync(join(folder, 'servers.json'), JSON.stringify({ mcpServers: { d: { url: ledger.url } } }));
  const held = [await refusingPort(), await refusingPort()];
  const running: Child[] = [];
  const exits = new Map<number | null, number>();
  try {
    for (const { port, release } of held) {
      await release();
      running.push(await start(folder, port));
    }
    const urls = held.map(({ port }) => `http://127.0.0.1:${port}/mcp`);
    const load = startCallers(callers, urls, ['d__work'], ledger);
    for (let n = 0; n < times; n++) {
      await sleep(LOAD_MS);
      const { code } = await stop(running[n % 2] as Child);
      exits.set(code, (exits.get(code) ?? 0) + 1);
      running[n % 2] = await start(folder, held[n % 2]?.port as number);
    }
    return { ...(await load.stop()), exits };
  } finally {
    for (const each of [...running, ...held]) await each[Symbol.asyncDispose]();
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function start(folder: string, port: number): Promise<Child> {
  const child = startNode([main, 'serve', '--port', String(port)], {
    cwd: folder,
    env: { SWITCHBOARD_TOKEN: token, LOG_LEVEL: 'error' },
  });
  while (child.process.exitCode === null && child.process.signalCode === null) {
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    await ready?.arrayBuffer();
    if (ready?.status === 200) return child;
    await sleep(20);
  }
  const { code, signal } = await child.exit;
  throw new Error(`the gateway ended with ${code ?? signal} before it was ready:\n${child.stderr}`);
}
