// What is compared. A new target is one more entry.

import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayStatus } from '../../src/gateway.ts';
import { projectDirectory } from '../measure/processes.ts';
import { downstreamsOf, type Era, type Scene, token } from '../scene.ts';
import type { Ground, Started, Target } from './target.ts';

export const targets: readonly Target[] = [
  {
    key: 'direct',
    title: 'direct (the downstream itself)',
    start: ({ fixture, scene }) =>
      Promise.resolve({
        child: { pid: fixture.pid, output: () => '', stop: () => Promise.resolve() },
        address: { port: fixture.ports[0] ?? 0, scene, listed: scene.toolsEach },
      }),
  },
  {
    key: 'nginx',
    title: 'nginx',
    missing: () => (spawnSync('nginx', ['-v']).error === undefined ? undefined : 'nginx is not installed'),
    start: startNginx,
  },
  { key: 'raw', title: 'raw reverse proxy, Node', start: (ground) => startOwn(ground, 'raw', 'paths') },
  { key: 'limit', title: 'practical limit', start: (ground) => startOwn(ground, 'limit', 'gateway') },
  { key: 'switchboard', title: '**Switchboard**', start: (ground) => startSwitchboard(ground) },
  {
    key: 'naive-v1',
    title: 'naive aggregator, SDK v1',
    onlyEra: 'legacy',
    start: (ground) => startOwn(ground, 'naive-v1', 'gateway', 'legacy'),
  },
  {
    key: 'naive-v2',
    title: 'naive aggregator, SDK v2',
    start: (ground) => startOwn(ground, 'naive-v2', 'gateway'),
  },
];

interface Feature {
  /** Of servers.json. */
  readonly file?: object;
  readonly limits?: object;
  /** Of each entry. */
  readonly server?: object;
  readonly env?: Readonly<Record<string, string>>;
  /** Of the URL. */
  readonly query?: string;
  readonly args?: readonly string[];
}

const without = (name: string, title: string, feature: Feature): Target => ({
  key: `switchboard-${name}`,
  title,
  start: (ground) => startSwitchboard(ground, feature),
});

const divided = (name: string, title: string, processes: number): Target => ({
  ...without(name, title, { args: ['--workers', String(processes)] }),
  processes,
});

/** Switchboard with one thing other than it is by default. */
export const variants: readonly Target[] = [
  without('default', 'by default', {}),
  without('unlogged', 'no line for each call (`LOG_LEVEL=warn`)', { env: { LOG_LEVEL: 'warn' } }),
  without('audited', 'that line in a file (`audit.file`)', { file: { audit: { file: 'audit.jsonl' } } }),
  without('values', 'with the values of the arguments in it (`audit.values`)', {
    file: { audit: { values: true } },
  }),
  without('unjoined', 'calls that are repeated run again (`repeatGraceMs: 0`)', {
    server: { repeatGraceMs: 0 },
  }),
  without('unbroken', 'no circuit breaker (`breakerFailures: 0`)', { limits: { breakerFailures: 0 } }),
  without('paced', 'a bound for requests a minute (`maxRequestsPerMinute`)', {
    limits: { maxRequestsPerMinute: 1_000_000 },
  }),
  divided('two', 'two processes on the same core (`--workers 2`)', 2),
  divided('four', 'four processes on the same core (`--workers 4`)', 4),
  without('realtime', 'results fitted to a caller (`?profile=realtime`)', { query: '?profile=realtime' }),
];

export function targetOf(key: string): Target {
  const target = targets.find((one) => one.key === key);
  if (target === undefined) throw new Error(`There is no target "${key}"`);
  return target;
}

/** @param of  the era of the tools that it lists, where it does not list all */
async function startOwn(
  { launcher, fixture, scene }: Ground,
  name: string,
  as: 'paths' | 'gateway',
  of?: Era,
): Promise<Started> {
  const args = [JSON.stringify({ scene, ports: fixture.ports.slice(0, scene.downstreams) })];
  const { child, ports } = await launcher.startServer(name, `targets/${name}.ts`, args);
  const port = ports[0] ?? 0;
  if (as === 'paths') return { child, address: { port, scene, listed: scene.toolsEach } };
  return { child, address: { port, scene, path: '/mcp', separator: '__', listed: countTools(scene, of) } };
}

export function countTools(scene: Scene, of?: Era): number {
  const counted = downstreamsOf(scene).filter(({ era }) => of === undefined || era === of);
  return counted.length * scene.toolsEach;
}

/** Larger than any result here: the default of 8 MiB would refuse the largest. */
const mostBytes = 64 * 2 ** 20;

/** @param feature  what is other than by default */
async function startSwitchboard(
  { launcher, fixture, directory, scene }: Ground,
  { file = {}, limits = {}, server = {}, env = {}, query = '', args: more = [] }: Feature = {},
): Promise<Started> {
  const config = join(directory, 'servers.json');
  const write = (scene: Scene) => {
    const servers = Object.entries(serversOf(fixture.ports, scene));
    const content = {
      ...file,
      mcpServers: Object.fromEntries(servers.map(([key, entry]) => [key, { ...entry, ...server }])),
      limits: { maxResultBytes: mostBytes, maxEventBytes: mostBytes, ...limits },
    };
    return writeFile(config, JSON.stringify(content));
  };
  await write(scene);
  const port = await findFreePort();
  const main = join(projectDirectory, 'dist/main.js');
  const args = [main, 'serve', '--config', config, '--host', '127.0.0.1', '--port', String(port), ...more];
  // In a directory of its own, so that no .env is read.
  const child = launcher.start('switchboard', {
    ...{ args, cwd: directory },
    env: { SWITCHBOARD_TOKEN: token, ...env },
  });
  const addressOf = (scene: Scene) =>
    ({ port, scene, path: `/mcp${query}`, separator: '__', listed: countTools(scene) }) as const;
  return {
    child,
    address: addressOf(scene),
    async change(scene) {
      await write(scene);
      await untilOffered(port, scene);
      return addressOf(scene);
    },
  };
}

/** @throws when it does not come in time */
async function untilOffered(port: number, scene: Scene): Promise<void> {
  const expected = JSON.stringify(downstreamsOf(scene).map(({ key, tools }) => [key, 'ready', tools]));
  for (const began = performance.now(); performance.now() - began < 30_000; ) {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`http://127.0.0.1:${port}/status`, { headers });
    const { downstreams } = (await answer.json()) as Pick<GatewayStatus, 'downstreams'>;
    const offered = Object.entries(downstreams).map(([key, { state, tools }]) => [key, state, tools]);
    if (JSON.stringify(offered) === expected) return;
    await sleep(50);
  }
  throw new Error(`A changed file with ${scene.downstreams} servers was not followed`);
}

/** The `mcpServers` of a configuration. */
export function serversOf(ports: readonly number[], scene: Scene): Record<string, { url: string }> {
  return Object.fromEntries(
    downstreamsOf(scene).map(({ key, path }, index) => [
      key,
      { url: `http://127.0.0.1:${ports[index]}${path}` },
    ]),
  );
}

/** One worker, kept connections, no log, no buffer on disk. */
async function startNginx({ launcher, fixture, directory, scene }: Ground): Promise<Started> {
  const port = await findFreePort();
  const downstreams = downstreamsOf(scene).map(({ key }, index) => ({ key, port: fixture.ports[index] }));
  const groups = downstreams.map(
    ({ key, port }) =>
      `upstream ${key} { server 127.0.0.1:${port}; keepalive 256; keepalive_requests 1000000; }`,
  );
  const locations = downstreams.map(({ key }) => `location /${key}/ { proxy_pass http://${key}; }`);
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(directory, name)};`,
  );
  const file = join(directory, 'nginx.conf');
  await writeFile(
    file,
    `daemon off; master_process off; worker_processes 1; pid ${join(directory, 'nginx.pid')}; error_log stderr;
    events { worker_connections 4096; }
    http {
      access_log off; keepalive_requests 1000000; keepalive_timeout 1200s; client_max_body_size 4m;
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_max_temp_file_size 0;
      ${[...folders, ...groups].join('\n')}
      server { listen 127.0.0.1:${port}; ${locations.join('\n')} }
    }`,
  );
  const child = launcher.start('nginx', { program: 'nginx', args: ['-c', file, '-e', 'stderr'] });
  return { child, address: { port, scene, listed: scene.toolsEach } };
}

export function findFreePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
