// What is compared. A new target is one more entry.

import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { Addressed } from '../load/job.ts';
import { type Launcher, projectDirectory } from '../measure/processes.ts';
import { downstreams, token } from '../scene.ts';

export interface Target {
  readonly key: string;
  readonly title: string;
  start(ground: Ground): Promise<Started>;
}

/** What there is before any target. */
export interface Ground {
  readonly launcher: Launcher;
  readonly fixture: { readonly pid: number; readonly ports: readonly number[] };
  /** For the files a target wants. */
  readonly directory: string;
}

export interface Started {
  /** The process whose CPU time, with that of its children, is the target's. */
  readonly pid: number;
  readonly address: Addressed;
  /** What it wrote last. */
  output(): string;
}

export const targets: readonly Target[] = [
  {
    key: 'direct',
    title: 'direct (the downstream itself)',
    start: ({ fixture }) =>
      Promise.resolve({
        pid: fixture.pid,
        address: { port: fixture.ports[0] ?? 0, direct: true },
        output: () => '',
      }),
  },
  { key: 'limit', title: 'practical limit', start: (ground) => startOwnGateway(ground, 'limit') },
  { key: 'switchboard', title: '**Switchboard**', start: startSwitchboard },
  { key: 'naive', title: 'naive aggregator, SDK v2', start: (ground) => startOwnGateway(ground, 'naive') },
];

async function startOwnGateway({ launcher, fixture }: Ground, name: string): Promise<Started> {
  const { child, ports } = await launcher.startServer(name, `targets/${name}.ts`, fixture.ports.map(String));
  return { pid: child.pid, address: { port: ports[0] ?? 0, direct: false }, output: child.output };
}

async function startSwitchboard({ launcher, fixture, directory }: Ground): Promise<Started> {
  const mcpServers = Object.fromEntries(
    downstreams.map(({ key, path }, index) => [
      key,
      { url: `http://127.0.0.1:${fixture.ports[index]}${path}` },
    ]),
  );
  const config = join(directory, 'servers.json');
  await writeFile(config, JSON.stringify({ mcpServers }));
  const port = await findFreePort();
  const main = join(projectDirectory, 'dist/main.js');
  const args = [main, 'serve', '--config', config, '--host', '127.0.0.1', '--port', String(port)];
  // In a directory of its own, so that no .env is read.
  const child = launcher.startNode('switchboard', {
    args,
    env: { SWITCHBOARD_TOKEN: token },
    cwd: directory,
  });
  return { pid: child.pid, address: { port, direct: false }, output: child.output };
}

function findFreePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
