import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { token } from '../scene.ts';
import { openLedger, startCallers, type Tally } from './ledger.ts';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
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
  const ports = [await freePort(), await freePort()];
  const running: ChildProcess[] = [];
  const exits = new Map<number | null, number>();
  try {
    for (const [index, port] of ports.entries()) running[index] = await start(folder, port);
    const urls = ports.map((port) => `http://127.0.0.1:${port}/mcp`);
    const load = startCallers(callers, urls, ['d__work'], ledger);
    for (let n = 0; n < times; n++) {
      await sleep(LOAD_MS);
      const child = running[n % 2] as ChildProcess;
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      exits.set(code, (exits.get(code) ?? 0) + 1);
      running[n % 2] = await start(folder, ports[n % 2] as number);
    }
    return { ...(await load.stop()), exits };
  } finally {
    for (const child of running) child.kill('SIGKILL');
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function start(folder: string, port: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [main, 'serve', '--port', String(port)], {
    cwd: folder,
    env: { PATH: process.env.PATH, SWITCHBOARD_TOKEN: token, LOG_LEVEL: 'error' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  while (child.exitCode === null) {
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    await ready?.arrayBuffer();
    if (ready?.status === 200) return child;
    await sleep(20);
  }
  throw new Error(`the gateway ended with ${child.exitCode} before it was ready`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
