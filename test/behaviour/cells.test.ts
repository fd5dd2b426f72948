import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport, type Transport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { describe, expect, test } from 'vitest';
import { main } from '../cli/serving.ts';
import { folderWith } from '../support/cli.ts';
import type { ServerEntry } from '../support/downstreams/downstream.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest } from '../support/messages.ts';

/**
 * What a call may bring beside its result (progress, a log message, a question and its answer), from every kind of
 * downstream to every kind of caller.
 */
type Era = 'legacy' | 'modern';
interface Running extends AsyncDisposable {
  entry(extra?: ServerEntry): ServerEntry;
}

const FORM = {
  mode: 'form',
  message: 'Which one?',
  requestedSchema: { type: 'object', properties: { choice: { type: 'string' } } },
};
const ANSWER = { action: 'accept', content: { choice: 'blue' } } as const;
const LOG_LEVEL = 'io.modelcontextprotocol/logLevel';
const capabilities = { elicitation: { form: {} } };
const tools = [{ name: 'ask', inputSchema: { type: 'object' } }];

/** The SDK's client on stdio loses progress that comes in one piece with the end of its round, from any server. */
const GAP = () => sleep(100);

/** Tells progress, logs, asks, and tells what it was answered. */
const asks =
  (era: Era): Answer =>
  async (given) => {
    const { _meta, inputResponses } = given.message.params;
    const text = (told: unknown) => ({ content: [{ type: 'text', text: JSON.stringify(told) }] });
    if (inputResponses !== undefined)
      return given.result({ resultType: 'complete', ...text(inputResponses.choice) });
    const stream = given.stream();
    if (_meta?.progressToken !== undefined) {
      const params = { progressToken: _meta.progressToken, progress: 1 };
      stream.send({ method: 'notifications/progress', params });
    }
    stream.send({ method: 'notifications/message', params: { level: 'info', data: 'asking' } });
    await GAP();
    if (era === 'modern') {
      const inputRequests = { choice: { method: 'elicitation/create', params: FORM } };
      return stream.result({ resultType: 'input_required', inputRequests });
    }
    const id = `question of ${given.message.id}`;
    stream.send({ id, method: 'elicitation/create', params: FORM });
    const { result, error } = await given.responseTo(id);
    stream.result(text(result ?? error));
  };

const overHttp = (era: Era) => (): Promise<Running> =>
  plainServer({ era, tools, answers: { 'tools/call ask': asks(era) } });

const overStdio = (era: Era) => async (): Promise<Running> => {
  const server = stdioServer('asks');
  return {
    entry: () => server.entry({ env: { ERA: era } }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
};

const DOWNSTREAMS = [
  ['a legacy downstream over HTTP', overHttp('legacy')],
  ['a modern downstream over HTTP', overHttp('modern')],
  ['a legacy downstream on stdio', overStdio('legacy')],
  ['a modern downstream on stdio', overStdio('modern')],
] as const;

/** A way for a client to the gateway; the stream over HTTP is what both SDKs accept. */
const CALLERS = [
  ['a legacy caller over HTTP', 'legacy', 'http'],
  ['a modern caller over HTTP', 'modern', 'http'],
  ['a legacy caller on stdio', 'legacy', 'stdio'],
  ['a modern caller on stdio', 'modern', 'stdio'],
] as const;

describe.each(DOWNSTREAMS)('%s', (_downstream, start) => {
  test.each(CALLERS)(
    'gives %s its progress, its log and its question',
    { timeout: 30_000 },
    async (_caller, era, way) => {
      await using crm = await start();
      const servers = { mcpServers: { crm: crm.entry() } };
      await using folder = await folderWith({ 'servers.json': servers });
      await using gateway = await startGateway(servers, { settle: way === 'http' });
      const transport: Transport =
        way === 'http'
          ? new StreamableHTTPClientTransport(new URL(gateway.url), {
              requestInit: { headers: { authorization: `Bearer ${gateway.token}` } },
            })
          : new StdioClientTransport({
              command: process.execPath,
              args: [main, 'serve', '--stdio'],
              cwd: folder.path,
              stderr: 'ignore',
            });
      const mode = era === 'modern' ? { pin: '2026-07-28' } : era;
      const client = new Client(
        { name: 'test', version: '1' },
        { capabilities, versionNegotiation: { mode } },
      );
      const heard: unknown[] = [];
      client.setRequestHandler('elicitation/create', ({ params }) => {
        heard.push(params.message);
        return ANSWER;
      });
      client.setNotificationHandler('notifications/message', ({ params }) => void heard.push(params.data));
      await client.connect(transport);
      try {
        const _meta = era === 'modern' ? { [LOG_LEVEL]: 'info' } : {};
        const { content } = await client.callTool(
          { name: 'crm__ask', arguments: {}, _meta },
          {
            // SDK v2 tells by a message that it goes into the next round itself.
            onprogress: ({ progress, message }) => void (message === undefined && heard.push(progress)),
          },
        );
        expect(JSON.parse((content as { text: string }[])[0]?.text ?? '')).toEqual(ANSWER);
        // In the order in which the client gets round to them.
        expect(heard.map(String).sort()).toEqual(['1', 'Which one?', 'asking']);
      } finally {
        await client.close();
      }
    },
  );
});

// Without a stream there is no place for anything but the result.
test.each([
  ['legacy', overHttp('legacy')],
  ['modern', overHttp('modern')],
] as const)('a caller that takes JSON only is asked nothing by a %s downstream', async (_era, start) => {
  await using crm = await start();
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const accept = { accept: 'application/json' };
  const [hello, headers] = legacyRequest('initialize', { capabilities });
  const { headers: given } = await gateway.post(hello, { ...headers, ...accept });
  const [call] = legacyRequest('tools/call', { name: 'crm__ask', arguments: {} });
  const session = { 'mcp-session-id': given['mcp-session-id'] as string };
  const reply = await gateway.post(call, { ...headers, ...accept, ...session });
  expect(reply.framing).toBe('json');
  const { result } = reply.json;
  const isRefused = result.isError === true || JSON.parse(result.content[0].text).code === -32601;
  expect(isRefused, JSON.stringify(result)).toBe(true);
});

test('a question on a pipe that could be of two calls is refused', async () => {
  await using files = await overStdio('legacy')();
  await using gateway = await startGateway({ mcpServers: { crm: files.entry() } });
  const client = await gateway.connect({
    era: 'legacy',
    capabilities,
    onElicit: () => ANSWER,
  });
  const told = await Promise.all(
    [1, 2].map(async () => {
      const { content } = await client.callTool({ name: 'crm__ask', arguments: {} });
      return JSON.parse((content as { text: string }[])[0]?.text ?? '');
    }),
  );
  // One may have been alone still, or again.
  for (const answer of told)
    expect([JSON.stringify(ANSWER), -32601]).toContain(answer.code ?? JSON.stringify(answer));
});
