import { fileURLToPath } from 'node:url';
import type { Child, Exit } from '../support/child.ts';
import { modernRequest } from '../support/messages.ts';
import { type Reply, send } from '../support/wire-client.ts';

/** The built command, for clients that start it themselves. */
export const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export const TOKEN = 'a-token-that-nobody-guesses';

/** For promises that do not depend on a downstream: this one is never reached. */
export const nowhere = { mcpServers: { crm: { url: 'https://crm.invalid/mcp' } } };

/** A process that does not even start: it colours its last words, and tells its key in them, as programs do. */
export function crashingEntry(key: string) {
  const script = String.raw`console.error('\x1b[31mbad key ' + process.env.KEY + '\x1b[0m'); process.exit(3)`;
  return { command: process.execPath, args: ['-e', script], env: { KEY: key } };
}

/** A process that reads and never says a word. */
export const silentEntry = { command: process.execPath, args: ['-e', 'process.stdin.resume()'] };

/** Waits until `serve` says where it listens. */
export async function listening(child: Child): Promise<string> {
  const [, url] = await child.waitFor('stderr', /"url":"(http:[^"]+)"/);
  return String(url);
}

/** Waits until so many downstreams are connected: a list that is asked for sooner waits 2.5 s for them, not longer. */
export async function connected(child: Child, count: number): Promise<void> {
  await child.waitFor('stderr', new RegExp(`(downstream_ready[^]*?){${count}}`));
}

/** One modern request with this token, or with none. */
export function ask(url: string, token: string | undefined, method: string, params = {}): Promise<Reply> {
  const [body, headers] = modernRequest(method, params);
  const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const accept = 'application/json, text/event-stream';
  return send(url, { body, headers: { 'content-type': 'application/json', accept, ...headers, ...bearer } });
}

/** Sends the signal and waits for the end. */
export function stop(child: Child, signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
  child.process.kill(signal);
  return child.exit;
}

/** What a person would read on stderr: the lines that are not log events. */
export function sentences(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
}

/** Lines that do not fit a terminal of 80 columns. */
export function tooWide(output: string): string[] {
  return output.split('\n').filter((line) => [...line].length > 80);
}
