// Other gateways and bridges that the npm registry carries. They are no dependencies of this project: a run with --rivals
// installs them into a folder of its own, without their install scripts, and removes it.

import { execFile } from 'node:child_process';
import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { downstreamsOf, type Scene } from '../scene.ts';
import { countTools, findFreePort, serversOf } from './table.ts';
import type { Ground, Started, Target } from './target.ts';

export interface Rival {
  readonly name: string;
  readonly version: string;
  /** What it is, in a few words. */
  readonly what: string;
  readonly scene: Scene;
  readonly mostCallers?: number;
  /** @param program  what it is started with, its own file under `bin` */
  start(ground: Ground, program: string): Promise<Started>;
}

const ten: Scene = { downstreams: 10, toolsEach: 50, eras: 'legacy' };
const one: Scene = { ...ten, downstreams: 1 };

export const rivals: readonly Rival[] = [
  {
    name: 'mcp-hub',
    version: '4.2.1',
    what: 'aggregator, HTTP+SSE in front, no token',
    scene: ten,
    async start(ground, program) {
      const port = await findFreePort();
      const config = await writeServers(ground);
      const child = begin(ground, 'mcp-hub', [program, '--port', String(port), '--config', config]);
      return aggregator(ground, child, port, 'sse');
    },
  },
  {
    name: 'mcporter',
    version: '0.12.3',
    what: 'aggregator, a daemon and a bridge, no token',
    scene: ten,
    async start(ground, program) {
      const port = await findFreePort();
      const config = await writeServers(ground, { lifecycle: 'keep-alive' });
      const daemon = begin(ground, 'mcporter-daemon', [
        program,
        '--config',
        config,
        'daemon',
        'start',
        '--foreground',
      ]);
      const bridge = begin(ground, 'mcporter', [
        program,
        '--config',
        config,
        'serve',
        '--http',
        String(port),
      ]);
      const child = {
        pid: bridge.pid,
        output: () => `${bridge.output()}\n${daemon.output()}`,
        async stop() {
          await Promise.all([bridge.stop(), daemon.stop()]);
        },
      };
      return { ...aggregator(ground, child, port, 'session'), also: [daemon.pid] };
    },
  },
  {
    name: '@civic/passthrough-mcp-server',
    version: '0.12.1',
    what: 'one server over HTTP, no token',
    scene: one,
    async start(ground, program) {
      const port = await findFreePort();
      const [{ url } = { url: '' }] = Object.values(serversOf(ground.fixture.ports, ground.scene));
      const { origin, pathname } = new URL(url);
      const env = {
        PORT: String(port),
        SOURCE_SERVER_MCP_PATH: '/mcp',
        TARGET_SERVER_URL: origin,
        TARGET_SERVER_MCP_PATH: pathname,
      };
      return bridge(ground, begin(ground, 'civic', [program], env), port);
    },
  },
  {
    name: 'mcp-proxy',
    version: '6.7.19',
    what: 'one server on stdio, its process included, no token',
    scene: one,
    async start(ground, program) {
      const port = await findFreePort();
      const args = ['--port', String(port), '--host', '127.0.0.1', '--', ...stdioServer(ground.scene)];
      return bridge(ground, begin(ground, 'mcp-proxy', [program, ...args]), port);
    },
  },
  {
    name: 'supergateway',
    version: '4.0.0',
    what: 'one server on stdio, a process for each session included, no token',
    scene: one,
    // So many processes.
    mostCallers: 16,
    async start(ground, program) {
      const port = await findFreePort();
      const command = stdioServer(ground.scene).map((word) => `'${word}'`);
      const args = ['--stdio', command.join(' '), '--outputTransport', 'streamableHttp', '--stateful'];
      const more = ['--port', String(port), '--logLevel', 'none'];
      return bridge(ground, begin(ground, 'supergateway', [program, ...args, ...more]), port);
    },
  },
];

/** Those that were looked at and are not among them. */
export const notHere: readonly string[] = [
  '@1mcp/agent and @samanhappy/mcphub: the registry here has no such package (404)',
  'metamcp: no npm package; wants PostgreSQL',
  'pluggedin: not in the list of packages of the registry here',
  'mcp-sdk 1.0.0 aggregates HTTP+SSE servers for a caller on stdio alone',
  'mcp-remote 0.15.1 has its callers on stdio alone',
  'fastmcp 4.20.16 is a framework, and forwards nothing',
];

/** Installs one, as a target. @throws where npm cannot */
export async function installRival(rival: Rival, directory: string): Promise<Target> {
  const folder = join(directory, rival.name.replaceAll('/', '-'));
  await mkdir(folder);
  const wanted = `${rival.name}@${rival.version}`;
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--silent', '--prefix', folder];
  await promisify(execFile)('npm', ['install', ...flags, wanted], { timeout: 180_000 });
  // The file itself: one of them does nothing when it is started by a link.
  const program = await realpath(join(folder, 'node_modules/.bin', rival.name.split('/').at(-1) ?? ''));
  return {
    key: rival.name,
    title: `${rival.name} ${rival.version} (${rival.what})`,
    onlyEra: 'legacy',
    ...(rival.mostCallers !== undefined && { mostCallers: rival.mostCallers }),
    start: (ground) => rival.start(ground, program),
  };
}

function begin({ launcher, directory }: Ground, name: string, args: readonly string[], env = {}) {
  return launcher.start(name, { args, env: { HOME: directory, ...env }, cwd: directory });
}

async function writeServers({ directory, fixture, scene }: Ground, more: object = {}): Promise<string> {
  const servers = Object.entries(serversOf(fixture.ports, scene));
  const mcpServers = Object.fromEntries(servers.map(([key, entry]) => [key, { ...entry, ...more }]));
  const file = join(directory, 'servers.json');
  await writeFile(file, JSON.stringify({ mcpServers }));
  return file;
}

function aggregator(
  { scene }: Ground,
  child: Started['child'],
  port: number,
  front: 'session' | 'sse',
): Started {
  return { child, address: { port, scene, path: '/mcp', separator: '__', front, listed: countTools(scene) } };
}

function bridge({ scene }: Ground, child: Started['child'], port: number): Started {
  return { child, address: { port, scene, path: '/mcp', front: 'session', listed: scene.toolsEach } };
}

/** The command of a downstream on stdio. */
function stdioServer(scene: Scene): string[] {
  const [downstream] = downstreamsOf(scene);
  const file = join(import.meta.dirname, 'stdio-fixture.ts');
  return [process.execPath, '--import', import.meta.resolve('tsx'), file, downstream?.path ?? ''];
}
