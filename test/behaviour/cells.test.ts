import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { main } from '../cli/serving.ts';
import {
  ANSWERS,
  type Generation,
  type Way,
  type WholeCaller,
  wholeCaller,
} from '../support/callers/whole.ts';
import { folderWith } from '../support/cli.ts';
import type { ServerEntry } from '../support/downstreams/downstream.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { COUNTER, sseWhole, wholeServer } from '../support/downstreams/whole.ts';
import { startGateway } from '../support/gateway.ts';

/*
 * All that the protocol has, from every kind of server to every kind of caller: both eras over HTTP and on stdio behind,
 * SDK v1 and v2 over HTTP (with a stream, or JSON alone) and on stdio in front.
 */

type Era = 'legacy' | 'modern';

const SERVERS = [
  ['legacy', 'HTTP'],
  ['modern', 'HTTP'],
  ['legacy', 'stdio'],
  ['modern', 'stdio'],
  // The transport of 2024-11-05, found out by trying.
  ['legacy', 'HTTP+SSE'],
] as const;

const CALLERS = (['v1', 'v2 legacy', 'v2 modern'] as const).flatMap((generation) =>
  (['stream', 'json', 'stdio'] as const).map((kind) => [generation, kind] as const),
);

interface Running extends AsyncDisposable {
  entry(extra?: ServerEntry): ServerEntry;
}

async function startServer(era: Era, over: 'HTTP' | 'stdio' | 'HTTP+SSE'): Promise<Running> {
  if (over === 'HTTP+SSE') return sseWhole();
  if (over === 'HTTP') return wholeServer(era);
  const server = stdioServer('whole');
  return {
    entry: () => server.entry({ env: { ERA: era } }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Time for a process to start that starts another. */
const PATIENCE = { timeout: 30_000 };
const soon = { timeout: 10_000 };

describe.each(SERVERS)('a %s server over %s', (era, over) => {
  describe.each(CALLERS)('to a %s caller, %s:', (generation: Generation, kind: Way['kind']) => {
    /** Ended in the reverse order. */
    const started: AsyncDisposable[] = [];
    /** Some servers offer other things to who can be asked: so there are two. */
    let caller: WholeCaller;
    let askable: WholeCaller;

    beforeAll(async () => {
      const use = <T extends AsyncDisposable>(it: T): T => {
        started.unshift(it);
        return it;
      };
      const server = use(await startServer(era, over));
      // However slow the machine, a caller on stdio is told at its handshake what there is.
      const servers = { mcpServers: { crm: server.entry() }, limits: { firstListMs: 30_000 } };
      const folder = use(await folderWith({ 'servers.json': servers }));
      let way: Way = { kind: 'stdio', args: [main, 'serve', '--stdio'], cwd: folder.path };
      if (kind !== 'stdio') {
        const { url, token } = use(await startGateway(servers));
        way = { kind, url, token };
      }
      caller = use(await wholeCaller(generation, way, false));
      askable = use(await wholeCaller(generation, way, true));
    }, PATIENCE.timeout);

    afterAll(async () => {
      for (const it of started) await it[Symbol.asyncDispose]();
    }, PATIENCE.timeout);

    test('tools, their results and their errors', async () => {
      const { tools } = await caller.client.listTools();
      expect(tools.map(({ name }) => name)).toContain('crm__echo');
      const { value, structured } = await caller.call('echo', { args: { n: 1 } });
      expect([value, structured]).toEqual([{ n: 1 }, { echoed: { n: 1 } }]);
      expect(await caller.call('fails')).toMatchObject({ value: 'no', isError: true });
      await expect(caller.call('unknown')).rejects.toMatchObject({ code: -32602 });
    });

    test('prompts, resources, templates and completion', async () => {
      const { client } = caller;
      expect((await client.listPrompts()).prompts.map(({ name }) => name)).toContain('crm__greet');
      const { messages } = await client.getPrompt({ name: 'crm__greet', arguments: { who: 'you' } });
      expect(messages[0]?.content).toEqual({ type: 'text', text: 'greet {"who":"you"}' });
      expect((await client.listResources()).resources.map(({ uri }) => uri)).toContain(COUNTER);
      const { resourceTemplates } = await client.listResourceTemplates();
      expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual(['test://item/{id}']);
      const { contents } = await client.readResource({ uri: 'test://item/7' });
      expect(contents).toEqual([{ uri: 'test://item/7', text: 'read test://item/7' }]);
      const ref = { type: 'ref/prompt', name: 'crm__greet' } as const;
      const { completion } = await client.complete({ ref, argument: { name: 'who', value: 'y' } });
      expect(completion.values).toEqual(['y-completed']);
    });

    const hasStream = kind !== 'json';
    const withoutStream = hasStream ? '' : ': none, JSON has no place for it';

    test(`progress${withoutStream}`, async () => {
      caller.heard.length = 0;
      expect((await caller.call('steps')).value).toBe('stepped');
      expect(caller.heard).toEqual(hasStream ? ['step 1', 'step 2', 'step 3'] : []);
    });

    test(`log messages from the level on that was asked for${withoutStream}`, async () => {
      caller.heard.length = 0;
      expect((await caller.call('logs')).value).toBe('logged');
      expect(caller.heard).toEqual(hasStream ? ['of interest'] : []);
    });

    test('a cancelled call is cancelled downstream', async () => {
      const { cancelled } = (await caller.call('state')).value;
      const abort = new AbortController();
      const call = caller.call('waits', { signal: abort.signal });
      const ended = expect(call).rejects.toThrow();
      const stateOf = async () => (await caller.call('state')).value;
      await expect.poll(stateOf, soon).toMatchObject({ running: 1 });
      abort.abort();
      await ended;
      await expect.poll(stateOf, soon).toMatchObject({ running: 0, cancelled: cancelled + 1 });
    });

    const isModern = generation === 'v2 modern';
    // A modern caller gets the question as its result; a legacy one is asked on the stream of its call.
    const canBeAsked = hasStream || isModern;

    test.each(['form', 'url', 'sampling', 'roots'] as const)(
      `a question (%s)${canBeAsked ? '' : ': refused, JSON has no place for it'} [R65] [R94]`,
      async (question) => {
        askable.heard.length = 0;
        const { value, isError } = await askable.call(question);
        if (!canBeAsked) {
          expect(isError || value.code === -32601, JSON.stringify(value)).toBe(true);
          return;
        }
        expect(value).toEqual(ANSWERS[question]);
        const asked = { form: ['Which one?'], url: ['Sign in'], sampling: [], roots: [] };
        expect(askable.heard).toEqual(asked[question]);
      },
      PATIENCE.timeout,
    );

    test('a question to a caller that cannot be asked: refused', async () => {
      const answer = caller.call('form').then(
        ({ value, isError }) => isError || value.code === -32601,
        // Spec 2026-07-28: what is missing is an error of the request. Before it there is no code for that.
        ({ code }) => code === (isModern ? -32021 : -32602),
      );
      expect(await answer).toBe(true);
    });

    if (!hasStream) {
      test('changes: nobody to tell, without a stream', async () => {
        caller.heard.length = 0;
        if (isModern) await expect(caller.listen(COUNTER)).rejects.toThrow('accept text/event-stream');
        await caller.call('touch');
        expect(caller.heard).toEqual([]);
      });
      return;
    }

    test('changes: of each list, and of the resource that it asked for', async () => {
      await caller.listen(COUNTER);
      caller.heard.length = 0;
      await caller.call('touch');
      await expect.poll(() => caller.heard, soon).toEqual([COUNTER]);
      await caller.call('grow');
      const lists = ['prompts changed', 'resources changed', 'tools changed'];
      await expect.poll(() => [...caller.heard].sort(), soon).toEqual([...lists, COUNTER].sort());
      const { tools } = await caller.client.listTools();
      expect(tools.map(({ name }) => name)).toContain('crm__tool-1');
    });
  });
});

test('a question on a pipe that could be of two calls is refused', async () => {
  await using files = stdioServer('asks');
  await using gateway = await startGateway({ mcpServers: { crm: files.entry({ env: { ERA: 'legacy' } }) } });
  const answer = { action: 'accept', content: { choice: 'blue' } } as const;
  const client = await gateway.connect({
    era: 'legacy',
    capabilities: { elicitation: { form: {} } },
    onElicit: () => answer,
  });
  const told = await Promise.all(
    [1, 2].map(async () => {
      const { content } = await client.callTool({ name: 'crm__ask', arguments: {} });
      return JSON.parse((content as { text: string }[])[0]?.text ?? '');
    }),
  );
  // One may have been alone still, or again.
  for (const { code, ...given } of told)
    expect([JSON.stringify(answer), -32601]).toContain(code ?? JSON.stringify(given));
});
