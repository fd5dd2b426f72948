import { describe, expect, test } from 'vitest';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { startGateway } from '../support/gateway.ts';
import { type Message, modernRequest } from '../support/messages.ts';

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });
const requestedSchema = { type: 'object', properties: {} };

const FORM = { method: 'elicitation/create', params: { mode: 'form', message: '?', requestedSchema } };
/** As every server before 2025-11-25 writes it. */
const OLD_FORM = { method: 'elicitation/create', params: { message: '?', requestedSchema } };
const URL_MODE = {
  method: 'elicitation/create',
  params: { mode: 'url', message: '?', url: 'https://example.com/', elicitationId: '1' },
};
const inMode = (mode: string) => ({ ...FORM, params: { ...FORM.params, mode } });
const ALL_MODES = { form: {}, url: {} };
const SAMPLING = { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } };
const SAMPLING_WITH_TOOLS = {
  method: 'sampling/createMessage',
  params: { messages: [], maxTokens: 1, tools: [tool('x')] },
};

interface Question {
  readonly method: string;
  readonly params: object;
}

/** A server that asks this, and tells what it was answered. */
function asking(era: 'legacy' | 'modern', question: Question) {
  const onStream: Answer = async (given) => {
    const stream = given.stream();
    stream.send({ id: 'q', ...question });
    const { result, error } = await given.responseTo('q');
    stream.result({ content: [{ type: 'text', text: JSON.stringify(result ?? error) }] });
  };
  const byRound: Answer = (given) =>
    given.result({ resultType: 'input_required', inputRequests: { q: question } });
  const answer = era === 'legacy' ? onStream : byRound;
  return plainServer({ era, tools: [tool('ask')], answers: { 'tools/call ask': answer } });
}

/** What a caller of the modern era with these capabilities gets from one that asks. */
async function asked(era: 'legacy' | 'modern', question: Question, capabilities: object): Promise<Message> {
  await using crm = await asking(era, question);
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const params = { name: 'crm__ask', arguments: {}, _meta: { [CAPABILITIES]: capabilities } };
  return (await gateway.post(...modernRequest('tools/call', params))).messages.at(-1) as Message;
}

describe.each(['legacy', 'modern'] as const)('of a %s downstream', (era) => {
  test.each([
    ['a form', { elicitation: {} }, FORM],
    ['a form', { elicitation: { form: {}, url: {} } }, FORM],
    ['a form that does not say so', { elicitation: { form: {} } }, OLD_FORM],
    ['an address', { elicitation: { url: {} } }, URL_MODE],
    ['a sample', { sampling: {} }, SAMPLING],
    ['a sample with tools', { sampling: { tools: {} } }, SAMPLING_WITH_TOOLS],
  ])('a question for %s is put to who declared %j', async (_what, capabilities, question) => {
    const { result } = await asked(era, question, capabilities);
    expect(result.resultType).toBe('input_required');
    expect(Object.values(result.inputRequests)).toEqual([question]);
  });

  test.each([
    ['a form to who opens addresses alone [R88] [R161]', FORM, { elicitation: { url: {} } }, 'elicitation'],
    ['such a form of an old server [R88] [R161]', OLD_FORM, { elicitation: { url: {} } }, 'elicitation'],
    ['an address to who fills in forms alone [R88] [R161]', URL_MODE, { elicitation: {} }, 'elicitation'],
    [
      'one in a mode that nobody knows yet [R161]',
      inMode('voice'),
      { elicitation: ALL_MODES },
      'elicitation',
    ],
    ['one in a mode that is no name [R161]', inMode('__proto__'), { elicitation: ALL_MODES }, 'elicitation'],
    ['a sample with tools to who has none [R162]', SAMPLING_WITH_TOOLS, { sampling: {} }, 'sampling'],
    ['a sample to who gives none [R88]', SAMPLING, { elicitation: {} }, 'sampling'],
  ])('is not put: %s', async (_what, question, capabilities, required) => {
    const { error, result } = await asked(era, question, capabilities);
    if (era === 'modern') {
      expect(error).toMatchObject({ code: -32021, data: { requiredCapabilities: { [required]: {} } } });
    } else {
      // The server hears that nobody is asked, and the call goes on.
      expect(result.resultType).toBe('complete');
      expect(JSON.parse(result.content[0].text)).toMatchObject({ code: expect.any(Number) });
    }
  });
});

describe('the context that a sample is to be made with', () => {
  const wants = (includeContext: string) => ({
    method: 'sampling/createMessage',
    params: { messages: [], maxTokens: 1, includeContext },
  });

  test.each([
    ['legacy', 'thisServer', { sampling: { context: {} } }, 'thisServer'],
    ['modern', 'thisServer', { sampling: { context: {} } }, 'thisServer'],
    ['modern', 'none', { sampling: {} }, 'none'],
    ['legacy', 'thisServer', { sampling: {} }, undefined],
    ['modern', 'allServers', { sampling: { tools: {} } }, undefined],
  ] as const)(
    'of the one %s server is %s: who declared %j is asked for %s [R176]',
    async (era, wanted, capabilities, shown) => {
      const { result } = await asked(era, wants(wanted), capabilities);
      const [question] = Object.values(result.inputRequests) as Message[];
      expect(question?.params.includeContext).toBe(shown);
    },
  );

  test('is not that of the other servers, which to a caller are this one [R176]', async () => {
    await using crm = await asking('modern', wants('thisServer'));
    await using hr = await plainServer({ era: 'modern' });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), hr: hr.entry() } });
    const _meta = { [CAPABILITIES]: { sampling: { context: {} } } };
    const { json } = await gateway.post(
      ...modernRequest('tools/call', { name: 'crm__ask', arguments: {}, _meta }),
    );
    expect(json.result.inputRequests.q.params).toEqual({ messages: [], maxTokens: 1 });
  });
});

test('of roots a server is not promised that it hears when they change: nobody would tell it [R174]', async () => {
  await using crm = await asking('legacy', { method: 'roots/list', params: {} });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const client = await gateway.connect({ era: 'v1', capabilities: { roots: { listChanged: true } } });
  await client.callTool({ name: 'crm__ask', arguments: {} });
  const declared = crm.requests.flatMap(({ body }) => {
    const { method, params } = (body ?? {}) as Message;
    return method === 'initialize' && params.capabilities.roots ? [params.capabilities.roots] : [];
  });
  expect(declared).toEqual([{}]);
});

test.each([
  ['nothing at all', {}],
  ['no question and no state', { inputRequests: {} }],
])('a downstream that wants input and names %s has given no answer [R87]', async (_what, wanted) => {
  await using crm = await plainServer({
    era: 'modern',
    answers: { 'tools/call echo': (given) => given.result({ resultType: 'input_required', ...wanted }) },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const _meta = { [CAPABILITIES]: { elicitation: {} } };
  const { json } = await gateway.post(
    ...modernRequest('tools/call', { name: 'crm__echo', arguments: {}, _meta }),
  );
  expect(json.result).toMatchObject({ resultType: 'complete', isError: true });
  expect(json.result.content[0].text).toContain('asked for input that cannot be given here');
});

test('where no question has a place none is put: a completion that asks has failed [R86]', async () => {
  const complete = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
  await using crm = await plainServer({
    era: 'modern',
    answers: {
      'server/discover': (given) =>
        given.result({
          ...complete,
          supportedVersions: ['2026-07-28'],
          capabilities: { tools: {}, prompts: {}, completions: {} },
        }),
      'prompts/list': (given) => given.result({ ...complete, prompts: [{ name: 'greet' }] }),
      'completion/complete': (given) =>
        given.result({ resultType: 'input_required', inputRequests: { q: FORM } }),
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const params = {
    ref: { type: 'ref/prompt', name: 'crm__greet' },
    argument: { name: 'a', value: '' },
    _meta: { [CAPABILITIES]: { elicitation: {} } },
  };
  const { json } = await gateway.post(...modernRequest('completion/complete', params));
  expect(json.error).toMatchObject({ code: -32603, message: expect.stringContaining('asked for input') });
});
