import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startNode } from './children.ts';
import { META, MODERN_VERSION } from './fixture/protocol.ts';

const START_LIMIT_MS = 20_000;
const STOP_GRACE_MS = 3000;

export interface GatewayProcess extends AsyncDisposable {
  readonly url: URL;
  readonly token: string;
  /** The last it wrote, if it is no longer running. */
  lastWords(): string | undefined;
}

/**
 * Starts the built command with one downstream, and waits until it lists that downstream's tools.
 *
 * @param main  the command's built file
 * @param directory  its working directory and home, so that neither a `.env` nor a kept catalog of yours takes part
 * @param expectedTool  a tool at the end of the downstream's list
 */
export async function startGateway(
  main: string,
  downstreamUrl: string,
  directory: string,
  expectedTool: string,
): Promise<GatewayProcess> {
  await mkdir(directory, { recursive: true });
  const config = path.join(directory, 'servers.json');
  await writeFile(config, JSON.stringify({ mcpServers: { fixture: { url: downstreamUrl, prefix: '' } } }));
  const token = randomBytes(24).toString('base64url');
  const child = startNode([main, 'serve', '--config', config, '--host', '127.0.0.1', '--port', '0'], {
    cwd: directory,
    env: {
      PATH: process.env.PATH,
      HOME: directory,
      XDG_CACHE_HOME: directory,
      LOG_LEVEL: 'info',
      SWITCHBOARD_TOKEN: token,
    },
  });
  let url = new URL('about:blank');
  const isReady = async () => {
    const [, told] = /"url":"(http:[^"]+)"/.exec(child.stderr()) ?? [];
    if (told !== undefined) url = new URL(told);
    return told !== undefined && listsTool(url, token, expectedTool);
  };
  const deadline = Date.now() + START_LIMIT_MS;
  while (!(await isReady())) {
    if (child.hasExited() || Date.now() > deadline) {
      await child.stop(0);
      throw new Error(`the gateway does not list the fixture's tools; its stderr ends:\n${child.stderr()}`);
    }
    await delay(50);
  }
  return {
    url,
    token,
    lastWords: () => (child.hasExited() ? child.stderr() : undefined),
    [Symbol.asyncDispose]: () => child.stop(STOP_GRACE_MS),
  };
}

async function listsTool(url: URL, token: string, name: string): Promise<boolean> {
  const params = { _meta: { [META.protocolVersion]: MODERN_VERSION, [META.clientCapabilities]: {} } };
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': MODERN_VERSION,
        'mcp-method': 'tools/list',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params }),
      signal: AbortSignal.timeout(2000),
    });
    return (await response.text()).includes(`"${name}"`);
  } catch {
    return false;
  }
}
