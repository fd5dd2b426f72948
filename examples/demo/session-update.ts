/** What a Realtime session is told about this gateway. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { parse } from 'jsonc-parser';
import type { RealtimeToolsConfigUnion, SessionUpdateEvent } from 'openai/resources/realtime/realtime';

const run = promisify(execFile);

/** `isPublic` when servers.json names a host of its own for the gateway: then the event carries that address. */
export async function sessionUpdate(
  localUrl: string,
  token: string,
): Promise<{ event: SessionUpdateEvent; isPublic: boolean }> {
  const { allowedHosts } = parse(await readFile('servers.json', 'utf8')) as { allowedHosts?: string[] };
  const host = allowedHosts?.[0];
  const url = host ? `https://${host}/mcp` : localUrl;
  const { stdout } = await run(process.execPath, ['dist/main.js', 'entry', 'realtime', '--url', url], {
    env: { ...process.env, SWITCHBOARD_TOKEN: token },
  });
  const tool = JSON.parse(stdout) as RealtimeToolsConfigUnion.Mcp;
  return {
    event: { type: 'session.update', session: { type: 'realtime', tools: [tool] } },
    isPublic: host !== undefined,
  };
}
