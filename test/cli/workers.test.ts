import { once } from 'node:events';
import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'undici';
import { describe, test } from 'vitest';
import { deferred } from '../../src/promises.ts';
import { type Child, isAlive, startProgram } from '../support/child.ts';
import { folderWith, runCli } from '../support/cli.ts';
import { findWith, legacyChanging, mirroringServer } from '../support/downstreams/changing.ts';
import { requestsOf, type ServerEntry } from '../support/downstreams/downstream.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { type PlainScript, plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { textResult } from '../support/downstreams/wire.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';
import { rawCaller, rawPost } from '../support/raw-caller.ts';
import { open, type Reply, send } from '../support/wire-client.ts';
import { connected, listening, main, stop, TOKEN } from './serving.ts';

const usual = {
  authorization: `Bearer ${TOKEN}`,
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};

/** Each over a connection of its own, which the processes take in turn. On a slow machine an answer may come as a stream. */
const post = (
  url: string,
  [body, headers]: [Message, Record<string, string>],
  more: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Reply> => {
  const all = { ...usual, ...headers, ...more, connection: 'close' };
  return send(url, { body, headers: all, ...(signal !== undefined && { signal }) });
};

const call = (url: string, name: string, args: object, meta = {}) =>
  post(url, modernRequest('tools/call', { name, arguments: args, _meta: meta }));

/** The header of a session that has begun. */
async function initialize(url: string, capabilities: object = {}): Promise<{ 'mcp-session-id': string }> {
  const clientInfo = { name: 'test', version: '1' };
  const params = { protocolVersion: '2025-11-25', capabilities, clientInfo };
  const { headers } = await post(url, legacyRequest('initialize', params));
  return { 'mcp-session-id': String(headers['mcp-session-id']) };
}

/** The same of one that lives in another process than the first. */
async function sessionInWorker(url: string): Promise<{ 'mcp-session-id': string }> {
  for (;;) {
    const session = await initialize(url);
    if (/^\d+~/.test(session['mcp-session-id'])) return session;
  }
}

const cancel = (url: string, session: { 'mcp-session-id': string }, requestId: number) => {
  const params = { requestId };
  return post(url, [{ jsonrpc: '2.0', method: 'notifications/cancelled', params }, {}], session);
};

/** Of the one that was ready first. */
const pidOfWorker = ({ stderr }: Child) => Number(/(?<="pid":)\d+/.exec(stderr)?.[0]);

const turns = <T>(count: number, one: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => one(n));

/** Waits until all of them take connections, and the servers are connected. */
async function ready(child: Child, workers: number, servers: number): Promise<string> {
  const url = await listening(child);
  await connected(child, servers);
  await child.waitFor('stderr', new RegExp(`(worker_ready[^]*?){${workers}}`));
  return url;
}

async function serving(servers: object, { count = 2, connections = 1, node = process.execPath } = {}) {
  const folder = await folderWith({
    'servers.json': { catalogFile: '', ...servers },
    '.env': `SWITCHBOARD_TOKEN=${TOKEN}\n`,
  });
  const args = ['serve', '--port', '0', '--workers', String(count)];
  const child = startProgram(node, [main, ...args], { cwd: folder.path });
  return {
    child,
    folder,
    url: await ready(child, count - 1, connections),
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Three times as long as it takes until the others are told of what runs. */
const TOLD_MS = 1200;
/** Many times as long as it takes until a repetition is where it runs: one whose caller has gone is told of by nothing. */
const THERE_MS = 1000;

/** What all of them together have counted, as far as the first has heard of it. */
async function metric(url: string, name: string): Promise<number> {
  const metrics = new URL('/metrics', url).href;
  const { text } = await send(metrics, { method: 'GET', headers: { ...usual, connection: 'close' } });
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name}{`))
      ?.split(' ')
      .at(-1),
  );
}
const inFlight = (url: string) => metric(url, 'mcp_switchboard_calls_in_flight');

/**
 * A server whose `slow` is done when it is released, however long the rest takes.
 *
 * @param connections  so many are made at once; what comes after them waits as well
 * @param script       what else is special about it
 */
async function heldServer(connections = Number.POSITIVE_INFINITY, script: Partial<PlainScript> = {}) {
  let held = deferred<void>();
  let runs = 0;
  let connected = 0;
  const slow: Answer = async ({ message, result }) => {
    runs++;
    await held.promise;
    result(textResult('done', message));
  };
  const discover: Answer = async ({ usual }) => {
    if (++connected > connections) await held.promise;
    return usual();
  };
  const server = await plainServer({
    era: 'modern',
    ...script,
    answers: { 'tools/call slow': slow, 'server/discover': discover },
  });
  return {
    cancellations: server.cancellations,
    entry: () => server.entry(),
    get runs() {
      return runs;
    },
    get connected() {
      return connected;
    },
    release() {
      held.resolve();
      held = deferred();
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A command that begins when this file is there. */
function startedWith(file: string, { command, args, ...rest }: ServerEntry): ServerEntry {
  const waits = `until [ -e ${file} ]; do sleep 0.1; done; exec "$0" "$@"`;
  return { ...rest, command: 'sh', args: ['-c', waits, String(command), ...(args as string[])] };
}

/** One whose caller may close the connection. */
function cuttable(url: string, call: [Message, Record<string, string>]) {
  const leaving = new AbortController();
  const reply = post(url, call, {}, leaving.signal);
  reply.catch(() => {});
  return { reply, cut: () => leaving.abort() };
}

describe.concurrent('several processes', () => {
  test('list the same and call the same, over whichever connection', async ({ expect }) => {
    await using crm = await plainServer({ era: 'modern' });
    await using gateway = await serving({ mcpServers: { crm: crm.entry() } });
    const lists = await Promise.all(turns(9, () => post(gateway.url, modernRequest('tools/list'))));
    expect(new Set(lists.map(({ text }) => text)).size).toBe(1);
    expect(lists[0]?.json.result.tools).toHaveLength(5);
    // So many at once that they wait for each other on their way.
    const answers = await Promise.all(turns(64, (n) => call(gateway.url, 'crm__echo', { text: `no. ${n}` })));
    expect(answers.map(({ messages }) => messages.at(-1)?.result.content[0].text)).toEqual(
      turns(64, (n) => `no. ${n}`),
    );
  });

  test('say once what is to be said about the tools', async ({ expect }) => {
    const tools = turns(21, (n) => ({ name: `tool${n}`, inputSchema: { type: 'object', properties: {} } }));
    await using crm = await plainServer({ era: 'modern', tools });
    const entry = crm.entry({ tools: { overrides: { none: { description: 'There is no such tool.' } } } });
    await using gateway = await serving({ mcpServers: { crm: entry } });
    await Promise.all(turns(4, () => post(gateway.url, modernRequest('tools/list'))));
    const notes = gateway.child.stderr.split('\n').filter((line) => line.includes('"tool_note"'));
    expect(notes).toHaveLength(1);
    expect(notes[0]).not.toContain('"worker"');
  });

  test('let in maxConnections each', async ({ expect }) => {
    await using crm = await plainServer({ era: 'modern' });
    const limits = { maxConnections: 2 };
    await using gateway = await serving({ mcpServers: { crm: crm.entry() }, limits });
    const ping = rawPost(TOKEN, '{"jsonrpc":"2.0","id":1,"method":"ping"}');
    const callers = [];
    for (const _ of turns(4, () => {})) {
      const caller = await rawCaller(gateway.url);
      callers.push(caller);
      caller.send(ping);
      expect((await caller.next()).status).toBe(200);
    }
    for (const _ of turns(2, () => {})) {
      await using more = await rawCaller(gateway.url);
      await more.ended;
    }
    for (const caller of callers) await caller[Symbol.asyncDispose]();
  });

  test('end once what runs is answered, although connections are kept open', async ({ expect }) => {
    await using crm = await plainServer({ era: 'modern' });
    await using gateway = await serving({ mcpServers: { crm: crm.entry() }, drainMs: 120_000 });
    const ping = rawPost(TOKEN, '{"jsonrpc":"2.0","id":1,"method":"ping"}');
    const callers = await Promise.all(turns(4, () => rawCaller(gateway.url)));
    for (const caller of callers) {
      caller.send(ping);
      expect((await caller.next()).status).toBe(200);
    }
    expect(await stop(gateway.child)).toEqual({ code: 0, signal: null });
    for (const caller of callers) await caller.ended;
  });

  test('wait headersTimeoutMs and requestTimeoutMs each for a request', async ({ expect }) => {
    await using crm = await plainServer({ era: 'modern' });
    const limits = { headersTimeoutMs: 300, requestTimeoutMs: 600 };
    await using gateway = await serving({ mcpServers: { crm: crm.entry() }, limits });
    const head = `POST /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${TOKEN}\r\n`;
    const unfinished = [head, `${head}content-type: application/json\r\ncontent-length: 100\r\n\r\n{`];
    for (const sent of unfinished.flatMap((one) => [one, one])) {
      await using caller = await rawCaller(gateway.url);
      caller.send(sent);
      expect((await caller.next()).status).toBe(408);
      await caller.ended;
    }
  });

  test('count together', async ({ expect }) => {
    await using crm = await plainServer({ era: 'modern' });
    await using gateway = await serving({ mcpServers: { crm: crm.entry() } });
    await Promise.all(turns(9, () => call(gateway.url, 'crm__echo', { text: 'here' })));
    const counted = () => metric(gateway.url, 'mcp_switchboard_calls_total');
    await expect.poll(counted).toBe(9);
    process.kill(pidOfWorker(gateway.child), 'SIGKILL');
    await gateway.child.waitFor('stderr', /worker_ended/);
    // What it had counted stays counted.
    expect(await counted()).toBe(9);
  });

  test('take up a call over another connection than the one it asked over', async ({ expect }) => {
    await using asks = stdioServer('asks');
    await using gateway = await serving({ mcpServers: { asks: asks.entry() } });
    const declared = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } } };
    const params = { name: 'asks__ask', arguments: {}, _meta: declared };
    for (let n = 0; n < 3; n++) {
      const asked = await post(gateway.url, modernRequest('tools/call', params));
      const { resultType, requestState, inputRequests } = asked.messages.at(-1)?.result ?? {};
      expect(resultType).toBe('input_required');
      const [key] = Object.keys(inputRequests);
      const inputResponses = { [String(key)]: { action: 'accept', content: { choice: `no. ${n}` } } };
      const answered = await post(
        gateway.url,
        modernRequest('tools/call', { ...params, requestState, inputResponses }),
      );
      expect(answered.text).toContain(`no. ${n}`);
    }
  });

  test('ask for a list anew whose headers have changed, whichever of them is refused', async ({ expect }) => {
    await using crm = await mirroringServer('Region');
    const servers = { mcpServers: { crm: crm.entry({ joinRepeats: false }) } };
    await using gateway = await serving(servers, { count: 3 });
    const callAll = async () => {
      const headers = ['Region', 'Country', 'City'];
      const replies = await Promise.all(turns(6, () => post(gateway.url, findWith(headers))));
      return new Set(replies.map(({ messages }) => messages[0]?.result.content[0].text));
    };
    for (const header of ['Region', 'Country', 'City']) {
      // A list that was read a moment ago is not read again.
      await sleep(1100);
      crm.want(header);
      expect(await callAll()).toEqual(new Set([header]));
    }
    expect(requestsOf(crm, 'tools/list')).toHaveLength(3);
    expect(crm.ran).toHaveLength(18);
  });

  test('have one process of a command between them', async ({ expect }) => {
    await using files = stdioServer('v2');
    await using gateway = await serving({ mcpServers: { files: files.entry() } });
    const answers = await Promise.all(
      turns(9, (n) => call(gateway.url, 'files__echo', { text: `no. ${n}` })),
    );
    expect(answers.map(({ messages }) => messages.at(-1)?.result.content[0].text)).toEqual(
      turns(9, (n) => `no. ${n}`),
    );
    expect(files.pids.filter(isAlive)).toHaveLength(1);
  });

  test('keep what belongs to a session together', async ({ expect }) => {
    await using crm = await legacyChanging();
    await using gateway = await serving({ mcpServers: { crm: crm.entry() } });
    const session = await initialize(gateway.url);
    const stream = await open(gateway.url, { method: 'GET', headers: { ...usual, ...session } });
    const uri = 'test://counter';
    expect((await post(gateway.url, legacyRequest('resources/subscribe', { uri }), session)).status).toBe(
      200,
    );
    await expect.poll(() => crm.subscribed()).toEqual([uri]);
    await crm.change(uri);
    expect((await stream.next())?.params.uri).toBe(uri);
    stream.cut();
  });

  test('know each other’s sessions, and their end', async ({ expect }) => {
    await using crm = await plainServer({ era: 'legacy' });
    await using gateway = await serving({ mcpServers: { crm: crm.entry() } }, { count: 3 });
    for (let n = 0; n < 3; n++) {
      const session = await initialize(gateway.url);
      const answers = await Promise.all(
        turns(6, (n) =>
          post(
            gateway.url,
            legacyRequest('tools/call', { name: 'crm__echo', arguments: { text: `no. ${n}` } }),
            session,
          ),
        ),
      );
      expect(answers.map(({ messages }) => messages[0]?.result.content[0].text)).toEqual(
        turns(6, (n) => `no. ${n}`),
      );
      const ended = await send(gateway.url, { method: 'DELETE', headers: { ...usual, ...session } });
      expect(ended.status).toBe(204);
      const after = await Promise.all(
        turns(6, () => post(gateway.url, legacyRequest('tools/list'), session)),
      );
      expect(after.map(({ status }) => status)).toEqual(turns(6, () => 404));
    }
  });

  test('know after the file has changed which sessions had ended', async ({ expect }) => {
    await using crm = await plainServer({ era: 'legacy' });
    await using gateway = await serving({ mcpServers: { crm: crm.entry() } });
    const session = await sessionInWorker(gateway.url);
    await send(gateway.url, { method: 'DELETE', headers: { ...usual, ...session } });
    const changed = { catalogFile: '', mcpServers: { crm: crm.entry() }, limits: { maxParked: 10 } };
    await writeFile(join(gateway.folder.path, 'servers.json'), JSON.stringify(changed));
    await gateway.child.waitFor('stderr', /(worker_ready[\s\S]*?){2}/);
    const after = await Promise.all(turns(4, () => post(gateway.url, legacyRequest('tools/list'), session)));
    expect(after.map(({ status }) => status)).toEqual(turns(4, () => 404));
  });

  test('run a write once that its caller cuts and repeats over another connection', async ({ expect }) => {
    await using crm = await heldServer();
    await using gateway = await serving({ mcpServers: { crm: crm.entry() } });
    for (let n = 0; n < 3; n++) {
      const call = modernRequest('tools/call', { name: 'crm__slow', arguments: { ms: n } });
      const first = cuttable(gateway.url, call);
      await expect.poll(() => crm.runs).toBe(n + 1);
      await sleep(TOLD_MS);
      first.cut();
      const again = post(gateway.url, call);
      await sleep(THERE_MS);
      crm.release();
      expect((await again).messages.at(-1)?.result.content[0].text).toBe('done');
      expect(crm.runs).toBe(n + 1);
    }
  });

  test.for([
    ['repeated and cut after the file has changed', { isCut: true, isConnected: true }],
    ['repeated where its server is not connected yet', { isCut: false, isConnected: false }],
  ] as const)('run a write once that is %s', async ([, { isCut, isConnected }], { expect }) => {
    // Those of the first two processes; what comes after the file has changed waits.
    await using crm = await heldServer(isConnected ? Number.POSITIVE_INFINITY : 2);
    await using gateway = await serving({ mcpServers: { crm: crm.entry() } });
    const calls = turns(2, (n) => modernRequest('tools/call', { name: 'crm__slow', arguments: { ms: n } }));
    const first = calls.map((call) => cuttable(gateway.url, call));
    await expect.poll(() => crm.runs).toBe(2);
    await sleep(TOLD_MS);
    const changed = { catalogFile: '', mcpServers: { crm: crm.entry() }, limits: { maxParked: 10 } };
    await writeFile(join(gateway.folder.path, 'servers.json'), JSON.stringify(changed));
    await gateway.child.waitFor('stderr', /(worker_ready[\s\S]*?){2}/);
    const again = [...calls, ...calls, ...calls].map((call) => post(gateway.url, call));
    await expect.poll(() => inFlight(gateway.url)).toBe(8);
    if (isCut) for (const { cut } of first) cut();
    // Longer than a call is left running for a caller that may come back.
    if (isCut) await sleep(1000);
    crm.release();
    const heard = isCut ? again : [...again, ...first.map(({ reply }) => reply)];
    for (const { messages } of await Promise.all(heard))
      expect(messages.at(-1)?.result.content[0].text).toBe('done');
    expect(crm.runs).toBe(2);
  });

  test('go on when one of them ends, and there is another', async ({ expect }) => {
    await using crm = await plainServer({ era: 'modern' });
    await using gateway = await serving({ mcpServers: { crm: crm.entry() } });
    process.kill(pidOfWorker(gateway.child), 'SIGKILL');
    await gateway.child.waitFor('stderr', /worker_ended/);
    const answers = await Promise.all(turns(6, () => call(gateway.url, 'crm__echo', { text: 'here' })));
    expect(answers.map(({ status }) => status)).toEqual(turns(6, () => 200));
    await gateway.child.waitFor('stderr', /(worker_ready[\s\S]*?){2}/);
  });

  test('are as many as before once one can be started again', async ({ expect }) => {
    await using crm = await plainServer({ era: 'modern' });
    await using bin = await folderWith({});
    const node = join(bin.path, 'node');
    await copyFile(process.execPath, node);
    await using gateway = await serving({ mcpServers: { crm: crm.entry() } }, { node });
    await rename(node, `${node}.old`);
    process.kill(pidOfWorker(gateway.child), 'SIGKILL');
    await gateway.child.waitFor('stderr', /worker_failed/);
    await rename(`${node}.old`, node);
    await gateway.child.waitFor('stderr', /(worker_ready[\s\S]*?){2}/);
    expect(await stop(gateway.child)).toEqual({ code: 0, signal: null });
  });

  test('go on when one of them stands still: it is replaced, and what it had not taken goes to another', async ({
    expect,
  }) => {
    await using crm = await plainServer({ era: 'modern' });
    await using gateway = await serving({ mcpServers: { crm: crm.entry() } });
    process.kill(pidOfWorker(gateway.child), 'SIGSTOP');
    const echo = modernRequest('tools/call', { name: 'crm__echo', arguments: { text: 'here' } });
    const answers = await Promise.all(turns(6, () => post(gateway.url, echo)));
    for (const { messages } of answers) expect(messages.at(-1)?.result.content[0].text).toBe('here');
    expect(gateway.child.stderr).toContain('"event":"worker_silent"');
    await gateway.child.waitFor('stderr', /(worker_ready[\s\S]*?){2}/);
  });

  test('end although one of them stands still, and count what ran in it as cut', async ({ expect }) => {
    await using crm = await heldServer();
    await using gateway = await serving({ mcpServers: { crm: crm.entry() }, drainMs: 1000 });
    const calls = turns(2, (n) => call(gateway.url, 'crm__slow', { ms: n }));
    const heard = Promise.allSettled(calls);
    await expect.poll(() => crm.runs).toBe(2);
    await expect.poll(() => inFlight(gateway.url)).toBe(2);
    process.kill(pidOfWorker(gateway.child), 'SIGSTOP');
    expect(await stop(gateway.child)).toEqual({ code: 1, signal: null });
    expect(gateway.child.stderr).toContain('"event":"cut","calls":2');
    await heard;
  });

  test('end at once, all of them, at a second signal', async ({ expect }) => {
    await using crm = await heldServer();
    await using gateway = await serving({ mcpServers: { crm: crm.entry() }, drainMs: 120_000 });
    const heard = Promise.allSettled(turns(2, (n) => call(gateway.url, 'crm__slow', { ms: n })));
    await expect.poll(() => crm.runs).toBe(2);
    gateway.child.process.kill('SIGTERM');
    // Nobody new is let in from now on.
    await expect
      .poll(() =>
        call(gateway.url, 'crm__echo', {}).then(
          () => 'let in',
          () => 'refused',
        ),
      )
      .toBe('refused');
    gateway.child.process.kill('SIGINT');
    expect(await once(gateway.child.process, 'exit')).toEqual([1, null]);
    await expect.poll(() => isAlive(pidOfWorker(gateway.child))).toBe(false);
    await heard;
  });

  test('end, and those that were to take over, when they are told to stop while the file is read again', async ({
    expect,
  }) => {
    await using crm = await plainServer({ era: 'modern' });
    await using slow = await heldServer(0);
    await using gateway = await serving({ mcpServers: { crm: crm.entry() } });
    const changed = { catalogFile: '', mcpServers: { crm: crm.entry(), slow: slow.entry() } };
    await writeFile(join(gateway.folder.path, 'servers.json'), JSON.stringify(changed));
    await expect.poll(() => slow.connected).toBe(1);
    expect(await stop(gateway.child)).toEqual({ code: 0, signal: null });
    expect(gateway.child.stderr).not.toMatch(/"worker":3|crashed|worker_ended|"reloaded"/);
  });

  test('follow the file together', async ({ expect }) => {
    await using crm = await plainServer({ era: 'modern' });
    await using gateway = await serving({ mcpServers: { crm: crm.entry() } });
    const sessions = await Promise.all(turns(4, () => initialize(gateway.url)));
    const changed = { catalogFile: '', mcpServers: { sales: crm.entry() } };
    await writeFile(join(gateway.folder.path, 'servers.json'), JSON.stringify(changed));
    await gateway.child.waitFor('stderr', /(worker_ready[\s\S]*?){2}/);
    await expect
      .poll(async () => {
        const lists = await Promise.all(turns(6, () => post(gateway.url, modernRequest('tools/list'))));
        return lists.map(({ json }) => json.result.tools[0].name);
      })
      .toEqual(turns(6, () => 'sales__add'));
    // Those that lived in the process that has gone are known to the others.
    const listed = () =>
      Promise.all(sessions.map((session) => post(gateway.url, legacyRequest('tools/list'), session)));
    expect((await listed()).map(({ status }) => status)).toEqual(turns(4, () => 200));
  });

  test('offer what is new over connections that were open before, when others have taken over', async ({
    expect,
  }) => {
    await using crm = await plainServer({ era: 'modern' });
    await using gateway = await serving({ mcpServers: { crm: crm.entry() } }, { count: 3 });
    const clients = turns(6, () => new Client(new URL(gateway.url).origin));
    const [body, own] = modernRequest('tools/list');
    const sent = {
      ...{ path: '/mcp', method: 'POST', headers: { ...usual, ...own }, body: JSON.stringify(body) },
    } as const;
    const first = async (client: Client) => {
      const answer = (await (await client.request(sent)).body.json()) as Message;
      return answer.result.tools[0]?.name;
    };
    const all = () => Promise.all(clients.map(first));
    expect(await all()).toEqual(turns(6, () => 'crm__add'));
    const changed = { catalogFile: '', mcpServers: { sales: crm.entry() } };
    await writeFile(join(gateway.folder.path, 'servers.json'), JSON.stringify(changed));
    const seen = new Set<unknown>();
    for (let last: unknown[] = []; !last.every((name) => name === 'sales__add') || last.length === 0; ) {
      last = await all();
      for (const name of last) seen.add(name);
    }
    // A renamed server has no gap.
    expect([...seen]).toEqual(['crm__add', 'sales__add']);
    await gateway.child.waitFor('stderr', /"event":"reloaded"/);
    // Who takes over is there before: else all connections of that time would be those of the first process.
    expect(gateway.child.stderr).toMatch(/(worker_ready[\s\S]*?){4}"event":"reloaded"/);
    await Promise.all(clients.map((client) => client.destroy()));
  });

  test('keep what counts at the next start only, also where they are replaced', async ({ expect }) => {
    await using crm = await plainServer({ era: 'modern' });
    const mcpServers = { crm: crm.entry() };
    await using gateway = await serving({ mcpServers });
    const changed = async (rest: object, reloads: number) => {
      const file = join(gateway.folder.path, 'servers.json');
      await writeFile(file, JSON.stringify({ catalogFile: '', mcpServers, ...rest }));
      await gateway.child.waitFor('stderr', new RegExp(`("event":"reloaded"[^]*?){${reloads}}`));
    };
    // Written down there, no call could be.
    const audit = { file: join(gateway.folder.path, 'not-there', 'audit') };
    await changed({ audit }, 1);
    await changed({ audit, limits: { maxParked: 10 } }, 2);
    await gateway.child.waitFor('stderr', /worker_ended|(worker_ready[\s\S]*?){2}/);
    expect(gateway.child.stderr).not.toContain('worker_ended');
    // For the first change alone none had to go.
    expect(gateway.child.stderr).not.toContain('"worker":3');
    for (const answer of turns(4, () => call(gateway.url, 'crm__echo', { text: 'here' })))
      expect((await answer).status).toBe(200);
  });

  test('take a new token at once, and the one before for drainMs, over whichever connection', async ({
    expect,
  }) => {
    await using crm = await plainServer({ era: 'modern' });
    await using gateway = await serving({ mcpServers: { crm: crm.entry() }, drainMs: 60_000 });
    const fresh = 'another-token-that-nobody-guesses';
    const [body, own] = modernRequest('tools/list');
    const list = async (client: Client, token: string) => {
      const headers = { ...usual, ...own, authorization: `Bearer ${token}` };
      const sent = { path: '/mcp', method: 'POST', headers, body: JSON.stringify(body) } as const;
      const answer = await client.request(sent);
      await answer.body.dump();
      return answer.statusCode;
    };
    const clients = (count: number) => turns(count, () => new Client(new URL(gateway.url).origin));
    const all = (some: Client[], token: string) => Promise.all(some.map((client) => list(client, token)));
    // They are open when the token changes, in each of the processes.
    const before = clients(4);
    expect(await all(before, TOKEN)).toEqual(turns(4, () => 200));
    const env = join(gateway.folder.path, '.env');
    await writeFile(`${env}.new`, `SWITCHBOARD_TOKEN=${fresh}\n`);
    await rename(`${env}.new`, env);
    await gateway.child.waitFor('stderr', /"event":"reloaded"/);
    expect(await all(before, fresh)).toEqual(turns(4, () => 200));
    await gateway.child.waitFor('stderr', /(worker_ready[\s\S]*?){2}/);
    const after = clients(4);
    expect(await all(after, fresh)).toEqual(turns(4, () => 200));
    expect(await all(after, TOKEN)).toEqual(turns(4, () => 200));
    expect(await all(after, 'no-token-that-ever-was')).toEqual(turns(4, () => 401));
    await Promise.all([...before, ...after].map((client) => client.destroy()));
  });

  test('tell of each call that took longer than drainMs that it may have run', async ({ expect }) => {
    await using files = stdioServer('v2');
    const servers = { mcpServers: { files: files.entry() }, drainMs: 1000 };
    await using gateway = await serving(servers);
    const calls = turns(6, (n) => call(gateway.url, 'files__slow', { ms: 20_000 + n }));
    const sent = () => files.events.filter((event) => JSON.stringify(event).includes('"slow"'));
    await expect.poll(() => sent().length).toBe(6);
    const ended = stop(gateway.child);
    const answers = await Promise.all(calls);
    expect(
      answers.map(({ messages }) => messages.at(-1)?.result._meta['mcp-switchboard/failure'].reason),
    ).toEqual(turns(6, () => 'outcome_unknown'));
    expect(await ended).toEqual({ code: 1, signal: null });
  });

  test('answer what runs before they end', async ({ expect }) => {
    await using crm = await plainServer({ era: 'modern' });
    await using gateway = await serving({ mcpServers: { crm: crm.entry() } });
    const calls = turns(6, (n) => call(gateway.url, 'crm__slow', { ms: 1500 + n }));
    await expect.poll(() => crm.calls.length).toBe(6);
    const ended = stop(gateway.child);
    const answers = await Promise.all(calls);
    expect(answers.map(({ messages }) => messages.at(-1)?.result.content[0].text)).toEqual(
      turns(6, (n) => `waited ${1500 + n} ms`),
    );
    expect(await ended).toEqual({ code: 0, signal: null });
  });
});

test('a session’s call stays with its session, where it can be cancelled', async ({ expect }) => {
  await using downstream = await heldServer();
  await using at = await serving({ mcpServers: { crm: downstream.entry() } });
  const same = (id: number) => legacyRequest('tools/call', { name: 'crm__slow', arguments: {} }, { id });
  // From a caller of the same name that has no session: it runs in one of the two processes, and both know.
  const other = post(at.url, same(1));
  await sleep(TOLD_MS);
  const sessions = await Promise.all(turns(4, () => initialize(at.url)));
  expect(new Set(sessions.map((session) => session['mcp-session-id'].startsWith('1~'))).size).toBe(2);
  for (const [n, session] of sessions.entries()) {
    const call = post(at.url, same(5), session);
    await expect.poll(() => downstream.runs).toBe(n + 2);
    await cancel(at.url, session, 5);
    expect((await call).messages).toEqual([]);
  }
  downstream.release();
  expect((await other).messages.at(-1)?.result.content[0].text).toBe('done');
});

test('a call whose session lives in a process that is being replaced is cancelled there', async ({
  expect,
}) => {
  await using downstream = await heldServer();
  await using at = await serving({ mcpServers: { crm: downstream.entry() } });
  const session = await sessionInWorker(at.url);
  const calls = turns(2, (id) =>
    post(at.url, legacyRequest('tools/call', { name: 'crm__slow', arguments: { id } }, { id }), session),
  );
  await expect.poll(() => downstream.runs).toBe(2);
  const changed = { catalogFile: '', mcpServers: { crm: downstream.entry() }, limits: { maxParked: 10 } };
  await writeFile(join(at.folder.path, 'servers.json'), JSON.stringify(changed));
  await at.child.waitFor('stderr', /(worker_ready[\s\S]*?){2}/);
  // Over connections of the first process, and of the new one.
  for (const requestId of [0, 1]) await cancel(at.url, session, requestId);
  for (const { messages } of await Promise.all(calls)) expect(messages).toEqual([]);
  await expect.poll(() => downstream.cancellations.length).toBe(2);
});

test('a write of a session is not run twice while its process is being replaced', async ({ expect }) => {
  await using downstream = await heldServer();
  await using at = await serving({ mcpServers: { crm: downstream.entry() } });
  const session = await sessionInWorker(at.url);
  const slow = legacyRequest('tools/call', { name: 'crm__slow', arguments: { id: 1 } });
  const first = post(at.url, slow, session);
  await expect.poll(() => downstream.runs).toBe(1);
  await sleep(TOLD_MS);
  const changed = { catalogFile: '', mcpServers: { crm: downstream.entry() }, limits: { maxParked: 10 } };
  await writeFile(join(at.folder.path, 'servers.json'), JSON.stringify(changed));
  await at.child.waitFor('stderr', /"event":"reloaded"/);
  const again = turns(2, () => post(at.url, slow, session));
  await sleep(THERE_MS);
  downstream.release();
  for (const { messages } of await Promise.all([first, ...again]))
    expect(messages.at(-1)?.result.content[0].text).toBe('done');
  expect(downstream.runs).toBe(1);
});

test('a call of a session that runs in another process than its session is cancelled there', async ({
  expect,
}) => {
  await using crm = await plainServer({ era: 'modern' });
  await using late = stdioServer('late');
  const toolsets = { held: { include: ['crm__echo', 'late__holds'] } };
  await using folder = await folderWith({});
  const begins = join(folder.path, 'begins');
  const entry = startedWith(begins, late.entry());
  await using at = await serving({ mcpServers: { crm: crm.entry(), late: entry }, toolsets });
  const url = `${at.url}/held`;
  await expect.poll(async () => (await initialize(url))['mcp-session-id']).toMatch(/^\d+~/);
  const session = await sessionInWorker(url);
  // What its command lists comes later, and it runs in the first process alone.
  await writeFile(begins, '');
  await connected(at.child, 3);
  const calls = turns(2, (id) =>
    post(url, legacyRequest('tools/call', { name: 'late__holds', arguments: { id } }, { id }), session),
  );
  const running = () => late.events.filter((event) => JSON.stringify(event).includes('"holds"'));
  await expect.poll(() => running().length).toBe(2);
  for (const requestId of [0, 1]) await cancel(url, session, requestId);
  for (const { messages } of await Promise.all(calls)) expect(messages).toEqual([]);
});

test('a session that begins before the lists are there reads what a command offers', async ({ expect }) => {
  await using files = stdioServer('whole');
  await using folder = await folderWith({});
  const begins = join(folder.path, 'begins');
  await using at = await serving(
    // However slow the machine: they are waited for.
    { mcpServers: { files: startedWith(begins, files.entry()) }, limits: { firstListMs: 60_000 } },
    { connections: 0 },
  );
  const beginning = turns(4, () => initialize(at.url));
  await writeFile(begins, '');
  for (const session of await Promise.all(beginning)) {
    const listed = await post(at.url, legacyRequest('resources/list'), session);
    const uri = listed.messages[0]?.result.resources[0].uri;
    const read = await post(at.url, legacyRequest('resources/read', { uri }), session);
    expect(read.messages.at(-1)?.result?.contents).toHaveLength(1);
  }
});

test('a write of a caller of an earlier revision that mirrors arguments runs once', async ({ expect }) => {
  const region = { type: 'string', 'x-mcp-header': 'Region' };
  const tools = [{ name: 'slow', inputSchema: { type: 'object', properties: { region } } }];
  await using crm = await heldServer(Number.POSITIVE_INFINITY, { tools });
  await using at = await serving({ mcpServers: { crm: crm.entry() } });
  for (const [n, name] of ['north', 'south'].entries()) {
    const same = legacyRequest('tools/call', { name: 'crm__slow', arguments: { region: name } });
    const first = post(at.url, same);
    await expect.poll(() => crm.runs).toBe(n + 1);
    await sleep(TOLD_MS);
    const again = turns(2, () => post(at.url, same));
    await sleep(THERE_MS);
    crm.release();
    for (const { messages } of await Promise.all([first, ...again]))
      expect(messages.at(-1)?.result.content[0].text).toBe('done');
    expect(crm.runs).toBe(n + 1);
  }
});

test('a call that is lost with its process may have run, and its caller is not told to repeat it', async ({
  expect,
}) => {
  await using downstream = await heldServer();
  await using at = await serving({ mcpServers: { crm: downstream.entry() } });
  const session = await sessionInWorker(at.url);
  const slow = (n: number) => legacyRequest('tools/call', { name: 'crm__slow', arguments: { ms: n } });
  // One of them comes over a connection of the first process, which hands it over.
  const calls = turns(2, (n) => post(at.url, slow(n), session));
  const heard = Promise.allSettled(calls);
  await expect.poll(() => downstream.runs).toBe(2);
  process.kill(pidOfWorker(at.child), 'SIGKILL');
  const answers = (await heard).flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
  expect(answers.map(({ status }) => status)).toEqual([200]);
  const { isError, content, _meta } = answers[0]?.messages[0]?.result ?? {};
  expect(isError).toBe(true);
  expect(content[0].text).toContain('may have run');
  const told = { reason: 'outcome_unknown', mayHaveRun: true, retryable: false };
  expect(_meta['mcp-switchboard/failure']).toMatchObject(told);
  // It has its line, although the process that ran it can write none.
  await at.child.waitFor('stderr', /"event":"call".*"tool":"crm__slow".*"outcome":"failed"/);
});

test.for([
  ['has too long a name', 'x'.repeat(100), 'set TMPDIR to a shorter path'],
  ['cannot be made', 'not-there', 'set TMPDIR to one that this user may write'],
])(
  'where the folder of its sockets %s, what is to be done is said at the start',
  async ([_why, name = '', said], { expect }) => {
    await using folder = await folderWith({
      'servers.json': { mcpServers: { crm: { url: 'http://127.0.0.1:9/mcp' } } },
    });
    const env = { TMPDIR: join(tmpdir(), name), SWITCHBOARD_TOKEN: TOKEN };
    await using child = runCli(['serve', '--port', '0', '--workers', '2'], { cwd: folder.path, env });
    expect(await child.exit).toMatchObject({ code: 1 });
    expect(child.stderr).toContain(said);
  },
);

test('a name that is no text is refused, and costs no process', async ({ expect }) => {
  await using downstream = await plainServer({ era: 'modern' });
  await using at = await serving({ mcpServers: { crm: downstream.entry() } });
  for (const answer of turns(4, () => call(at.url, { toString: 1, valueOf: 1 } as never, {})))
    expect((await answer).messages[0]?.error?.code).toBe(-32602);
  expect(at.child.stderr).not.toContain('worker_ended');
});

test('what is refused is answered by each of them, also in the middle of what its caller sends', async ({
  expect,
}) => {
  await using downstream = await plainServer({ era: 'modern' });
  const limits = { maxRequestBytes: 100_000 };
  await using at = await serving({ legacySse: true, mcpServers: { crm: downstream.entry() }, limits });
  const head = (target: string, ...more: string[]) =>
    [`${target} HTTP/1.1`, 'host: localhost', `authorization: Bearer ${TOKEN}`, ...more, '', ''].join('\r\n');
  const message = head('POST /messages?sessionId=x', 'content-length: 20000000');
  const large = head('PUT /mcp', 'content-length: 20000000');
  const twoHosts = head('GET /status', 'host: localhost');
  for (const _ of turns(4, () => {})) {
    for (const [sent, statuses, isLast] of [
      [message, [413], true],
      [large, [405], true],
      [twoHosts, [400, 403], false],
    ] as const) {
      await using caller = await rawCaller(at.url);
      caller.send(sent, isLast ? 'x'.repeat(20_000_000) : '');
      const { status, headers } = await caller.next();
      expect(statuses).toContain(status);
      expect(headers.connection === 'close').toBe(isLast);
      // A connection that is reset may lose what was sent before.
      if (isLast) expect(await caller.ended).toBe('closed');
    }
  }
});

test('credentials that a server refuses to another process than the first are read again', async ({
  expect,
}) => {
  let accepted = 'key-number-one';
  await using crm = await plainServer({
    era: 'modern',
    answers: {
      'tools/call echo': ({ recorded, res, usual }) => {
        if (recorded.headers['x-api-key'] === accepted) return usual();
        res.writeHead(401).end();
      },
    },
  });
  await using keys = await folderWith({});
  const put = async (outer: string) => {
    await mkdir(join(keys.path, outer, 'inner'), { recursive: true });
    await writeFile(join(keys.path, outer, 'inner', 'key'), accepted);
  };
  await put('outer');
  const headers = { 'X-API-KEY': `\${file:${join(keys.path, 'outer', 'inner', 'key')}}` };
  await using at = await serving({ mcpServers: { crm: crm.entry({ headers }) } });
  const session = await sessionInWorker(at.url);
  const params = { name: 'crm__echo', arguments: { text: 'hello' } };
  const echo = async () => {
    const { messages } = await post(at.url, legacyRequest('tools/call', params), session);
    return messages.at(-1)?.result.content[0].text;
  };
  expect(await echo()).toBe('hello');
  // Watched is the folder of the file, and not the one around it.
  accepted = 'key-number-two';
  await put('next');
  await rename(join(keys.path, 'outer'), join(keys.path, 'gone'));
  await rename(join(keys.path, 'next'), join(keys.path, 'outer'));
  expect(await echo()).toContain('(HTTP 401)');
  await expect.poll(echo).toBe('hello');
});

test('those that take over serve also where none was left before', async ({ expect }) => {
  await using crm = await plainServer({ era: 'modern' });
  const gate = deferred<void>();
  let asked = 0;
  const discover: Answer = async ({ usual }) => {
    asked++;
    await gate.promise;
    return usual();
  };
  await using slow = await plainServer({ era: 'modern', answers: { 'server/discover': discover } });
  await using at = await serving({ mcpServers: { crm: crm.entry() } });
  const changed = { catalogFile: '', mcpServers: { crm: crm.entry(), slow: slow.entry() } };
  await writeFile(join(at.folder.path, 'servers.json'), JSON.stringify(changed));
  await expect.poll(() => asked).toBeGreaterThan(0);
  await at.child.waitFor('stderr', /"event":"worker_ready","worker":2/);
  process.kill(pidOfWorker(at.child), 'SIGKILL');
  await at.child.waitFor('stderr', /worker_ended/);
  // Before another one starts in its place.
  gate.resolve();
  await at.child.waitFor('stderr', /"event":"reloaded"/);
  // Where it did not know that it counts, all would begin in the first.
  expect((await sessionInWorker(at.url))['mcp-session-id']).toMatch(/^2~/);
  for (const answer of turns(4, () => call(at.url, 'crm__echo', { text: 'here' })))
    expect((await answer).messages.at(-1)?.result.content[0].text).toBe('here');
  expect(at.child.stderr).not.toContain('"worker":3');
});
