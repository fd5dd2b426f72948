import { describe, expect, test } from 'vitest';
import { folderWith, runCli } from '../../support/cli.ts';
import type { ServerEntry } from '../../support/downstreams/downstream.ts';
import { stdioServer } from '../../support/downstreams/stdio.ts';
import { tasksServer } from '../../support/downstreams/tasks.ts';
import { startGateway } from '../../support/gateway.ts';
import { legacyRequest, type Message, modernRequest } from '../../support/messages.ts';
import { speakLines } from '../../support/stdio-line.ts';

/*
 * The Tasks extension from every kind of server to every kind of caller. No SDK has it at either end, so both are by hand;
 * what else is promised of tasks is in tasks.test.ts.
 */

const TASKS = 'io.modelcontextprotocol/tasks';
const KNOWS = { 'io.modelcontextprotocol/clientCapabilities': { extensions: { [TASKS]: {} } } };

type Ask = (request: readonly [body: Message, headers: Record<string, string>]) => Promise<Message>;

interface Calling extends AsyncDisposable {
  readonly ask: Ask;
}

const overHttp =
  (accept: string) =>
  async (servers: object): Promise<Calling> => {
    const gateway = await startGateway(servers);
    return {
      ask: async ([body, headers]) =>
        (await gateway.post(body, { ...headers, accept })).messages.at(-1) as Message,
      [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
    };
  };

async function overStdio(servers: object): Promise<Calling> {
  const folder = await folderWith({ 'servers.json': servers });
  const line = speakLines(runCli(['serve', '--stdio'], { cwd: folder.path }));
  return {
    ask: ([{ method = '', params }]) => line.request(method, params),
    async [Symbol.asyncDispose]() {
      await line[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const SERVERS: Readonly<Record<string, () => Promise<AsyncDisposable & { entry(): ServerEntry }>>> = {
  HTTP: tasksServer,
  stdio: async () => stdioServer('tasks'),
};

const CALLERS: Readonly<Record<string, (servers: object) => Promise<Calling>>> = {
  'HTTP, JSON alone': overHttp('application/json'),
  'HTTP, with a stream': overHttp('application/json, text/event-stream'),
  stdio: overStdio,
};

const limits = { firstListMs: 30_000 };

describe.each(Object.keys(SERVERS))('a task of a modern server over %s,', (over) => {
  test.each(Object.keys(CALLERS))('of a modern caller over %s: made, asked for, cancelled', async (way) => {
    await using server = await (SERVERS[over] as (typeof SERVERS)[string])();
    const start = CALLERS[way] as (typeof CALLERS)[string];
    await using caller = await start({ mcpServers: { jobs: server.entry() }, limits });
    const call = modernRequest('tools/call', { name: 'jobs__start', arguments: {}, _meta: KNOWS });
    const { result: created } = await caller.ask(call);
    expect(created).toMatchObject({ resultType: 'task', status: 'working' });
    const { taskId } = created;
    expect(taskId).not.toContain('task-1');
    const ofTask = async (method: string) => {
      const [body, headers] = modernRequest(method, { taskId, _meta: KNOWS });
      return (await caller.ask([body, { ...headers, 'mcp-name': taskId }])).result;
    };
    expect(await ofTask('tasks/get')).toMatchObject({ resultType: 'complete', taskId, status: 'working' });
    expect(await ofTask('tasks/cancel')).toMatchObject({ resultType: 'complete' });
    expect(await ofTask('tasks/get')).toMatchObject({ taskId, status: 'cancelled' });
  });

  test.each(Object.keys(CALLERS))(
    'of a legacy caller over %s: none is made, and it hears why',
    async (way) => {
      await using server = await (SERVERS[over] as (typeof SERVERS)[string])();
      const start = CALLERS[way] as (typeof CALLERS)[string];
      await using caller = await start({ mcpServers: { jobs: server.entry() }, limits });
      const { error, result } = await caller.ask(
        legacyRequest('tools/call', { name: 'jobs__start', arguments: {}, task: { ttl: 1000 } }),
      );
      expect([result, error]).toMatchObject([
        undefined,
        // Its revision has no code for what is missing.
        { code: -32602, data: { requiredCapabilities: { extensions: { [TASKS]: {} } } } },
      ]);
    },
  );
});

test.skip(
  'a task of a legacy server: not here, the experimental tasks of 2025-11-25 are another protocol (docs/decisions/0012)',
);
