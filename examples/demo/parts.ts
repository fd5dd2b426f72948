/** Starts what the demo consists of, and listens to what each part reports. */
import { on, once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Children, DemoProblem } from './children.ts';
import type { Witness } from './conversation.ts';
import type { Received } from './report.ts';

/** Starts examples/<name>.ts and waits until it listens. Its witness tells of the next call that reaches it. */
export async function startExample(children: Children, name: string): Promise<Witness> {
  const preloads = ['--import', 'tsx', '--import', './examples/demo/report.ts'];
  const child = children.start(name, [...preloads, `examples/${name}.ts`], { ipc: true });
  // Without a listener, messages are kept for the first one: requests from before the call would look like the call.
  child.on('message', () => {});
  await Promise.race([once(child.stdout ?? child, 'data'), children.failed]);

  return async () => {
    try {
      for await (const [received] of on(child, 'message', { signal: AbortSignal.timeout(5000) })) {
        if (received.method === 'POST') return received as Received;
      }
    } catch {
      // The time is up.
    }
    return 'nothing arrived';
  };
}

/** Starts the built gateway on servers.json and waits until it is ready. */
export async function startGateway(children: Children, { port, token }: { port: number; token: string }) {
  if (!existsSync('dist/main.js')) throw new DemoProblem('dist/main.js is missing. Run: npm run build');
  const args = ['dist/main.js', 'serve', '--config', 'servers.json', '--port', String(port)];
  const child = children.start('The gateway', args, {
    env: { SWITCHBOARD_TOKEN: token, LOG_LEVEL: 'debug' },
  });

  const stderrLines = new Map<string, string>();
  const warnings = new Map<string, string>();
  createInterface({ input: child.stderr as Readable }).on('line', (line) => {
    const { event, level, downstream = '', line: said = '', msg = '' } = parseLogLine(line);
    if (event === 'stderr') stderrLines.set(downstream, said);
    if (level === 'warn') warnings.set(downstream, msg);
  });

  const origin = `http://127.0.0.1:${port}`;
  await Promise.race([untilReady(origin, token), children.failed]);
  return {
    url: `${origin}/mcp`,
    /** The last line that a stdio server wrote to stderr. */
    stderrOf: (server: string) => stderrLines.get(server) ?? '',
    /** The last thing that the gateway had to say against a server. */
    warningOf: (server: string) => warnings.get(server) ?? '',
  };
}

/** The gateway logs one JSON object a line; what else comes on stderr is for people. */
function parseLogLine(line: string): Record<string, string | undefined> {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}

/** Until each of its servers was tried: /readyz is 200 as soon as the gateway has waited for them long enough. */
async function untilReady(origin: string, token: string): Promise<void> {
  const deadline = Date.now() + 15_000;
  let states: string[] | undefined;
  while (Date.now() < deadline) {
    states = (await statesOf(origin, token)) ?? states;
    if (states?.includes('connecting') === false) return;
    await sleep(50);
  }
  if (states === undefined) throw new DemoProblem('The gateway did not get ready within 15 seconds.');
}

/** What is known of each server; undefined as long as nobody listens. */
async function statesOf(origin: string, token: string): Promise<string[] | undefined> {
  const response = await fetch(`${origin}/status`, { headers: { authorization: `Bearer ${token}` } }).catch(
    () => undefined,
  );
  if (response === undefined) return undefined;
  const { downstreams } = (await response.json()) as { downstreams: Record<string, { state: string }> };
  return Object.values(downstreams).map(({ state }) => state);
}
