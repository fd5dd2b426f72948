import { describe, expect, test } from 'vitest';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { answersStatus, asks, textResult } from '../support/downstreams/wire.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';

type Request = typeof modernRequest;
const ADD = { name: 'crm__add', arguments: { a: 1, b: 2 } };
const UNKNOWN =
  '"crm" was sent this call of crm__add just before, and the connection to its caller was lost before the answer. The call may have run: check before repeating it.';

/** A tool that answers when it is told to, and counts its runs in its answers. */
function gate(result: (run: number, message: Message) => object = textOf) {
  let runs = 0;
  let cancelled = 0;
  const waiting: (() => void)[] = [];
  const answer: Answer = async ({ signal, message, ...given }) => {
    const run = ++runs;
    signal.addEventListener('abort', () => cancelled++);
    const token = message.params._meta?.progressToken;
    const stream = token === undefined ? undefined : given.stream();
    stream?.send({
      method: 'notifications/progress',
      params: { progressToken: token, progress: 1, total: 3 },
    });
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      signal.addEventListener('abort', () => resolve());
    });
    if (signal.aborted) return;
    if (stream === undefined) given.result(result(run, message));
    else stream.result(result(run, message));
  };
  return {
    answer,
    open() {
      for (const go of waiting.splice(0)) go();
    },
    get runs() {
      return runs;
    },
    get cancelled() {
      return cancelled;
    },
  };
}

const textOf = (run: number, message: Message) => textResult(`run ${run}`, message);

async function scene(era: 'modern' | 'legacy' = 'modern', entry: object = {}, tool = gate()) {
  const downstream = await plainServer({ era, answers: { 'tools/call add': tool.answer } });
  const gateway = await startGateway({ mcpServers: { crm: downstream.entry({ ...entry }) } });
  return {
    ...{ downstream, gateway, tool },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await downstream[Symbol.asyncDispose]();
    },
  };
}

const ended = ({ messages }: { messages: Message[] }) => {
  const { id, result } = messages.at(-1) as Message;
  return [id, result.content[0].text];
};

const withAgent = (agent: string, [body, headers]: ReturnType<Request>): ReturnType<Request> => [
  body,
  { ...headers, 'user-agent': agent },
];

/** A call whose caller cuts the connection. */
function cuttable(gateway: RunningGateway, [body, headers]: ReturnType<Request>) {
  const cut = new AbortController();
  const usual = { 'content-type': 'application/json', authorization: `Bearer ${gateway.token}` };
  const accept = 'application/json, text/event-stream';
  const sent = gateway.send('/mcp', {
    body,
    headers: { ...usual, accept, ...headers },
    signal: cut.signal,
  });
  sent.catch(() => {});
  return () => cut.abort();
}

/** One that is cut while it runs for the first time. */
async function cutWhileRunning({ gateway, tool }: Awaited<ReturnType<typeof scene>>, request: Request) {
  const cut = cuttable(gateway, request('tools/call', ADD));
  await expect.poll(() => tool.runs).toBe(1);
  cut();
  await expect.poll(() => gateway.gateway.waiting().requests).toBe(0);
}

const CALLERS = [
  ['modern', modernRequest],
  ['legacy', (method, params, id) => legacyRequest(method, params, { id: id ?? 1 })],
] as const satisfies [string, Request][];

describe.each(CALLERS)('a %s caller', (_era, request: Request) => {
  test('that sends the same call while it runs has it run once, and each gets the answer to its own id', async () => {
    await using at = await scene();
    const { gateway, tool } = at;
    const first = gateway.post(...request('tools/call', ADD, 'one'));
    await expect.poll(() => tool.runs).toBe(1);
    const second = gateway.post(...request('tools/call', ADD, 'two'));
    // The others arrive after it.
    await gateway.post(...request('tools/list'));
    tool.open();
    expect([ended(await first), ended(await second)]).toEqual([
      ['one', 'run 1'],
      ['two', 'run 1'],
    ]);
    expect(tool.runs).toBe(1);
  });

  test('that calls the same twice in a row has it run twice', async () => {
    await using at = await scene();
    for (const run of [1, 2]) {
      const call = at.gateway.post(...request('tools/call', ADD));
      await expect.poll(() => at.tool.runs).toBe(run);
      at.tool.open();
      expect(ended(await call)).toEqual([1, `run ${run}`]);
    }
  });

  test('hears of progress where it asked for it, by its own token', async () => {
    await using at = await scene();
    const ask = (token?: string) => {
      const _meta = token === undefined ? {} : { _meta: { progressToken: token } };
      return at.gateway.open(...request('tools/call', { ...ADD, ..._meta }));
    };
    const first = await ask('first');
    expect((await first.next())?.params.progressToken).toBe('first');
    at.tool.open();
    expect((await first.next())?.result.content[0].text).toBe('run 1');
    const told: Answer = async (given) => {
      const stream = given.stream();
      const { progressToken } = given.message.params._meta;
      const tell = (progress: number) =>
        stream.send({ method: 'notifications/progress', params: { progressToken, progress } });
      tell(1);
      await gone;
      tell(2);
      stream.result(textResult('done', given.message));
    };
    let go = () => {};
    const gone = new Promise<void>((resolve) => {
      go = resolve;
    });
    await using other = await plainServer({ era: 'modern', answers: { 'tools/call add': told } });
    await using gateway = await startGateway({ mcpServers: { crm: other.entry() } });
    const of = (token: string | undefined) =>
      request('tools/call', { ...ADD, ...(token && { _meta: { progressToken: token } }) });
    const [a] = [await gateway.open(...of('a'))];
    expect((await a.next())?.params).toMatchObject({ progressToken: 'a', progress: 1 });
    const [b, silent] = [gateway.open(...of('b')), gateway.post(...of(undefined))];
    await gateway.post(...request('tools/list'));
    go();
    expect((await a.next())?.params).toMatchObject({ progressToken: 'a', progress: 2 });
    expect((await (await b).next())?.params).toMatchObject({ progressToken: 'b', progress: 2 });
    expect((await silent).messages).toHaveLength(1);
  });

  test('that is cut off and comes back at once gets the answer, and nothing is cancelled', async () => {
    await using at = await scene();
    await cutWhileRunning(at, request);
    const again = at.gateway.post(...request('tools/call', ADD, 'again'));
    await at.gateway.post(...request('tools/list'));
    // Longer than it would take to be cancelled.
    await new Promise((resolve) => setTimeout(resolve, 700));
    at.tool.open();
    expect(ended(await again)).toEqual(['again', 'run 1']);
    expect([at.tool.runs, at.tool.cancelled]).toEqual([1, 0]);
  });

  test.each([
    ['a marked tool', { tools: { overrides: { add: { retry: true } } } }],
    [
      'a tool that its operator says reads',
      { tools: { overrides: { add: { annotations: { readOnlyHint: true } } } } },
    ],
    ['a server whose entry says so', { joinRepeats: false }],
  ])('that sends the same call of %s twice has it run twice', async (_what, entry) => {
    await using at = await scene('modern', entry);
    const calls = [1, 2].map(() => at.gateway.post(...request('tools/call', ADD)));
    await expect.poll(() => at.tool.runs).toBe(2);
    at.tool.open();
    await Promise.all(calls);
  });

  test.each([
    ['arguments', request('tools/call', { ...ADD, arguments: { a: 1, b: 3 } })],
    ['arguments of another type', request('tools/call', { ...ADD, arguments: { a: '1', b: 2 } })],
    ['a User-Agent', withAgent('x', request('tools/call', ADD))],
  ])('that differs in %s from another is not taken for it', async (_what, other) => {
    await using at = await scene();
    const calls = [request('tools/call', ADD), other].map((each) => at.gateway.post(...each));
    await expect.poll(() => at.tool.runs).toBe(2);
    at.tool.open();
    await Promise.all(calls);
  });
});

describe('a modern caller that is cut off', () => {
  test('has its call cancelled soon, and is told that it may have run when it comes back later', async () => {
    await using at = await scene();
    await cutWhileRunning(at, modernRequest);
    await expect.poll(() => at.tool.cancelled).toBe(1);
    for (let i = 0; i < 2; i++) {
      const reply = await at.gateway.post(...modernRequest('tools/call', ADD));
      expect(ended(reply)).toEqual([1, UNKNOWN]);
      expect(reply.json.result._meta['mcp-switchboard/failure']).toEqual({
        downstream: 'crm',
        reason: 'outcome_unknown',
        mayHaveRun: true,
        retryable: false,
      });
    }
    expect(at.tool.runs).toBe(1);
  });

  test('may call again after the grace', async () => {
    await using at = await scene('modern', { repeatGraceMs: 200 });
    await cutWhileRunning(at, modernRequest);
    await expect.poll(() => at.tool.cancelled).toBe(1);
    await expect
      .poll(async () => {
        // Whenever it gets there.
        const opening = setInterval(() => at.tool.open(), 10);
        const reply = await at.gateway.post(...modernRequest('tools/call', ADD));
        clearInterval(opening);
        return ended(reply)[1];
      })
      .toMatch(/^run/);
  });

  test('without a grace has its call cancelled at once, and may call again', async () => {
    await using at = await scene('modern', { repeatGraceMs: 0 });
    await cutWhileRunning(at, modernRequest);
    await expect.poll(() => at.tool.cancelled).toBe(1);
    const call = at.gateway.post(...modernRequest('tools/call', ADD));
    await expect.poll(() => at.tool.runs).toBe(2);
    at.tool.open();
    expect(ended(await call)).toEqual([1, 'run 2']);
  });

  test('gets what came before its call would have been cancelled', async () => {
    await using at = await scene();
    await cutWhileRunning(at, modernRequest);
    at.tool.open();
    await expect.poll(() => at.downstream.requests.at(-1)?.closedEarly).toBe(false);
    expect(ended(await at.gateway.post(...modernRequest('tools/call', ADD, 'again')))).toEqual([
      'again',
      'run 1',
    ]);
    expect([at.tool.runs, at.tool.cancelled]).toEqual([1, 0]);
  });

  test('is asked something when it comes back within the grace, and else its call is cancelled', async () => {
    const tool = gate();
    const form = { message: 'Sure?', requestedSchema: { type: 'object', properties: {} } };
    const answer: Answer = async (given) => {
      await tool.answer({ ...given, result: () => {} });
      await asks('elicitation/create', form)(given);
    };
    await using downstream = await plainServer({ era: 'legacy', answers: { 'tools/call add': answer } });
    const crm = downstream.entry({ repeatGraceMs: 2000 });
    await using gateway = await startGateway({ mcpServers: { crm } });
    const _meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } } };
    const call = (a: number) => modernRequest('tools/call', { ...ADD, arguments: { a, b: 2 }, _meta });
    const askWhenGone = async (run: number) => {
      const cut = cuttable(gateway, call(run));
      await expect.poll(() => tool.runs).toBe(run);
      cut();
      await expect.poll(() => gateway.gateway.waiting().requests).toBe(0);
      tool.open();
      await expect.poll(() => gateway.gateway.waiting().parked).toBe(run);
    };
    await askWhenGone(1);
    expect((await gateway.post(...call(1))).json.result.resultType).toBe('input_required');
    await askWhenGone(2);
    await expect.poll(() => downstream.cancellations.length).toBe(1);
    // The first one waits for its caller, which was asked.
    expect(gateway.gateway.waiting().parked).toBe(1);
  });
});

describe('a legacy caller that is cut off', () => {
  const bare: Request = (method, params) => legacyRequest(method, params);

  test('and repeats its call again and again is no more callers than are there', async () => {
    await using at = await scene();
    for (let times = 0; times < 5; times++) {
      const cut = cuttable(at.gateway, bare('tools/call', ADD));
      await expect.poll(() => at.gateway.gateway.waiting()).toMatchObject({ requests: 1, downstream: 1 });
      cut();
      await expect.poll(() => at.gateway.gateway.waiting().requests).toBe(0);
      expect(at.gateway.gateway.waiting().calls).toBe(1);
    }
    const last = at.gateway.post(...bare('tools/call', ADD));
    await expect.poll(() => at.gateway.gateway.waiting().requests).toBe(1);
    at.tool.open();
    expect(ended(await last)).toEqual([1, 'run 1']);
    expect(at.gateway.gateway.waiting().calls).toBe(0);
  });

  test('gets the result that nobody was there to hear, once', async () => {
    await using at = await scene('legacy');
    await cutWhileRunning(at, bare);
    at.tool.open();
    await expect.poll(() => at.gateway.logs.some((line) => line.includes('"event":"call"'))).toBe(true);
    expect(ended(await at.gateway.post(...bare('tools/call', ADD)))).toEqual([1, 'run 1']);
    const next = at.gateway.post(...bare('tools/call', ADD));
    await expect.poll(() => at.tool.runs).toBe(2);
    at.tool.open();
    expect(ended(await next)).toEqual([1, 'run 2']);
  });

  test('is told of a result that is too large to be kept that the call may have run', async () => {
    const large = gate((_run, message) => textResult('x'.repeat(1_100_000), message));
    await using at = await scene('legacy', {}, large);
    await cutWhileRunning(at, bare);
    at.tool.open();
    await expect.poll(() => at.gateway.logs.some((line) => line.includes('"event":"call"'))).toBe(true);
    expect(ended(await at.gateway.post(...bare('tools/call', ADD)))).toEqual([1, UNKNOWN]);
    expect(at.tool.runs).toBe(1);
  });
});

test('who cancels one of two joined calls cancels its own part, and who cancels the last one cancels it', async () => {
  await using at = await scene();
  const { gateway, tool } = at;
  const begin = async () =>
    (await gateway.post(...legacyRequest('initialize', {}))).headers['mcp-session-id'] as string;
  const session = { 'mcp-session-id': await begin() };
  const call = (id: number) => gateway.post(legacyRequest('tools/call', ADD, { id })[0], session);
  const cancel = (requestId: number) =>
    gateway.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } }, session);
  const first = call(1);
  await expect.poll(() => tool.runs).toBe(1);
  const others = [call(2), call(3)];
  await gateway.post(...legacyRequest('tools/list'));
  await cancel(1);
  expect((await first).messages).toEqual([]);
  await cancel(3);
  expect((await others[1])?.messages).toEqual([]);
  expect(tool.cancelled).toBe(0);
  tool.open();
  expect(ended((await others[0]) as never)).toEqual([2, 'run 1']);
  const last = call(4);
  await expect.poll(() => tool.runs).toBe(2);
  await cancel(4);
  expect((await last).messages).toEqual([]);
  await expect.poll(() => tool.cancelled).toBe(1);
  // It was meant: the next one is another call.
  const next = call(5);
  await expect.poll(() => tool.runs).toBe(3);
  tool.open();
  expect(ended(await next)).toEqual([5, 'run 3']);
});

test('who cancels a call that took over from one whose connection was cut cancels it', async () => {
  await using at = await scene();
  const { gateway, tool } = at;
  const { headers } = await gateway.post(...legacyRequest('initialize', {}));
  const session = { 'mcp-session-id': String(headers['mcp-session-id']) };
  const call = (id: number) => legacyRequest('tools/call', ADD, { id })[0];
  const cut = cuttable(gateway, [call(1), session]);
  await expect.poll(() => tool.runs).toBe(1);
  cut();
  const second = gateway.post(call(2), session);
  // Behind it: it has joined the first one.
  await gateway.post(legacyRequest('ping')[0], session);
  const params = { requestId: 2 };
  await gateway.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params }, session);
  expect((await second).messages).toEqual([]);
  await expect.poll(() => tool.cancelled).toBe(1);
  // It was meant: the next one is another call.
  const next = gateway.post(call(3), session);
  await expect.poll(() => tool.runs).toBe(2);
  tool.open();
  expect(ended(await next)).toEqual([3, 'run 2']);
});

test('requests that say something else beside the same arguments are two calls', async () => {
  const tool = gate((run, message) =>
    textResult(`run ${run} for ${message.params._meta['acme/user']}`, message),
  );
  await using at = await scene('modern', { passMeta: ['acme/*'] }, tool);
  const call = (id: number, _meta: object) =>
    at.gateway.post(...modernRequest('tools/call', { ...ADD, _meta }, id));
  const alice = call(1, { 'acme/user': 'alice' });
  await expect.poll(() => tool.runs).toBe(1);
  const others = [
    call(2, { 'acme/user': 'bob' }),
    call(3, { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} }, 'acme/user': 'alice' }),
  ];
  await expect.poll(() => tool.runs).toBe(3);
  tool.open();
  expect(ended(await alice)).toEqual([1, 'run 1 for alice']);
  for (const other of others) expect(ended(await other)[1]).toMatch(/run [23] for (bob|alice)/);
});

test('a repetition with another trace, or with none, is the same call', async () => {
  await using at = await scene();
  const traceparent = (of: string) => `00-${of.repeat(32)}-${of.repeat(16)}-01`;
  const call = (id: number, _meta: object) =>
    at.gateway.post(...modernRequest('tools/call', { ...ADD, _meta }, id));
  const first = call(1, { traceparent: traceparent('a') });
  await expect.poll(() => at.tool.runs).toBe(1);
  const others = [call(2, { traceparent: traceparent('b') }), call(3, {})];
  await at.gateway.post(...modernRequest('tools/list', {}, 4));
  at.tool.open();
  for (const one of [first, ...others]) expect(ended(await one)[1]).toBe('run 1');
});

test('of calls that are one, who asked for no log hears none', async () => {
  let go = () => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  let runs = 0;
  const logging: Answer = async (given) => {
    runs++;
    const stream = given.stream();
    await held;
    stream.send({ method: 'notifications/message', params: { level: 'info', data: 'noted' } });
    stream.result(textResult('done', given.message));
  };
  await using downstream = await plainServer({ era: 'modern', answers: { 'tools/call add': logging } });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const call = (id: number, _meta: object) =>
    gateway.post(...modernRequest('tools/call', { ...ADD, _meta }, id));
  const first = call(1, { 'io.modelcontextprotocol/logLevel': 'info' });
  await expect.poll(() => runs).toBe(1);
  const second = call(2, {});
  await gateway.post(...modernRequest('tools/list', {}, 3));
  go();
  expect((await first).messages.map(({ method }) => method)).toEqual(['notifications/message', undefined]);
  expect((await second).messages.map(({ method }) => method)).toEqual([undefined]);
  expect(runs).toBe(1);
});

test('two sessions are two callers', async () => {
  await using at = await scene();
  const begin = async () =>
    (await at.gateway.post(...legacyRequest('initialize', {}))).headers['mcp-session-id'] as string;
  const sessions = [await begin(), await begin()];
  const calls = sessions.map((id) =>
    at.gateway.post(legacyRequest('tools/call', ADD)[0], { 'mcp-session-id': id }),
  );
  await expect.poll(() => at.tool.runs).toBe(2);
  at.tool.open();
  await Promise.all(calls);
});

test('a call that has asked its caller something is not joined', async () => {
  const question = { message: 'Sure?', requestedSchema: { type: 'object', properties: {} } };
  let asked = 0;
  const asking: Answer = (given) => asks('elicitation/create', question, `question-${++asked}`)(given);
  await using downstream = await plainServer({ era: 'legacy', answers: { 'tools/call add': asking } });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const answers: ((result: { action: 'accept'; content: object }) => void)[] = [];
  const client = await gateway.connect({
    era: 'legacy',
    capabilities: { elicitation: { form: {} } },
    onElicit: () => new Promise((resolve) => answers.push(resolve as never)) as never,
  });
  const calls = [client.callTool(ADD)];
  await expect.poll(() => answers.length).toBe(1);
  calls.push(client.callTool(ADD));
  await expect.poll(() => answers.length).toBe(2);
  for (const answer of answers) answer({ action: 'accept', content: {} });
  for (const call of calls) expect(JSON.stringify(await call)).toContain('accept');
});

test('a call that goes on with answers is run once when it is repeated, and again with other answers', async () => {
  const tool = gate((run, message) =>
    textResult(`run ${run}: ${message.params.inputResponses.sure.action}`, message),
  );
  const question = { method: 'elicitation/create', params: { message: 'Sure?', requestedSchema: {} } };
  const asking: Answer = (given) =>
    given.message.params.inputResponses === undefined
      ? given.result({
          resultType: 'input_required',
          inputRequests: { sure: question },
          requestState: 'mine',
        })
      : tool.answer(given);
  await using downstream = await plainServer({ era: 'modern', answers: { 'tools/call add': asking } });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const _meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } } };
  const asked = await gateway.post(...modernRequest('tools/call', { ...ADD, _meta }));
  const { requestState } = asked.json.result;
  const answered = (action: string, id: string) =>
    modernRequest('tools/call', { ...ADD, requestState, inputResponses: { sure: { action } }, _meta }, id);
  const cut = cuttable(gateway, answered('accept', 'cut off'));
  await expect.poll(() => tool.runs).toBe(1);
  cut();
  const again = gateway.post(...answered('accept', 'again'));
  await gateway.post(...modernRequest('tools/list'));
  const other = gateway.post(...answered('decline', 'other'));
  await expect.poll(() => tool.runs).toBe(2);
  tool.open();
  expect(ended(await again)).toEqual(['again', 'run 1: accept']);
  expect(ended(await other)).toEqual(['other', 'run 2: decline']);
});

test('a call that cannot have run is not kept', async () => {
  let isLimited = true;
  await using downstream = await plainServer({
    era: 'legacy',
    answers: {
      'tools/call add': async (given) => {
        if (!isLimited) return given.usual();
        await held;
        given.res.writeHead(429).end();
      },
    },
  });
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const cut = cuttable(gateway, legacyRequest('tools/call', ADD));
  const isCalled = ({ body }: { body: unknown }) => (body as Message)?.method === 'tools/call';
  await expect.poll(() => downstream.requests.filter(isCalled).length).toBe(1);
  cut();
  release();
  await expect.poll(() => gateway.logs.some((line) => line.includes('call_failed'))).toBe(true);
  isLimited = false;
  expect(ended(await gateway.post(...legacyRequest('tools/call', ADD)))).toEqual([1, '3']);
});

test('a call whose caller left while its server had put it off is run when it is repeated: it never was', async () => {
  let asked = 0;
  const full = answersStatus(429, { headers: { 'retry-after': '3' } });
  const answer: Answer = (given) =>
    ++asked === 1 ? full(given) : given.result(textResult(`asked ${asked}`, given.message));
  await using crm = await plainServer({ era: 'modern', answers: { 'tools/call add': answer } });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const cut = cuttable(gateway, modernRequest('tools/call', ADD));
  await expect.poll(() => asked).toBe(1);
  cut();
  // It is cancelled half a second later.
  await expect.poll(() => gateway.gateway.waiting().downstream).toBe(0);
  expect(ended(await gateway.post(...modernRequest('tools/call', ADD)))[1]).toBe('asked 2');
});
