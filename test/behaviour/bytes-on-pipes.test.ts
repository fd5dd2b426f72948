import { PassThrough, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';

test('a line of a caller on stdio that is not UTF-8 is refused, reaches no server, and the next one is answered [R7]', async () => {
  await using crm = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const [input, output] = [new PassThrough(), new PassThrough()];
  let written = '';
  output.on('data', (chunk: Buffer) => {
    written += chunk.toString('utf8');
  });
  const served = gateway.gateway.serveStdio(input, output);
  const before = crm.requests.length;
  const [call] = legacyRequest('tools/call', { name: 'crm__echo', arguments: { text: '\u00e9' } });
  input.write(Buffer.from(`${JSON.stringify(call)}\n`, 'latin1'));
  input.end(`${JSON.stringify(legacyRequest('ping', {}, { id: 2 })[0])}\n`);
  await served;
  const [refusal, pong] = written
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(refusal).toEqual({
    jsonrpc: '2.0',
    id: call.id,
    error: { code: -32700, message: 'The line is not valid UTF-8.' },
  });
  expect(pong).toMatchObject({ id: 2, result: {} });
  expect(crm.requests.length).toBe(before);
});

test('a caller on stdio that reads slower than it asks is asked to wait: answers do not pile up, and all come in order', async () => {
  const long = { name: 'long', description: 'x'.repeat(50_000), inputSchema: { type: 'object' } };
  await using crm = await plainServer({ era: 'modern', tools: [long] });
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry() },
    limits: { maxUnsentBytes: 100_000 },
  });
  const ids: unknown[] = [];
  let most = 0;
  const output = new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      most = Math.max(most, output.writableLength);
      ids.push(JSON.parse(line).id);
      setImmediate(done);
    },
  });
  const input = new PassThrough();
  const served = gateway.gateway.serveStdio(input, output);
  // Before the first list is there, answers wait for it.
  await gateway.post(...modernRequest('tools/list'));
  const asked = Array.from({ length: 100 }, (_, id) => id);
  // In one chunk, and gone: what was read already is answered as well, a bad line in its place.
  const lines = asked.map((id) => JSON.stringify(legacyRequest('tools/list', {}, { id })[0]));
  input.end(`${lines.join('\n')}\nnonsense\n`);
  await served;
  output.end();
  await finished(output);
  expect(ids).toEqual([...asked, undefined]);
  // As much as may wait, and the answer with which it came to be more.
  expect(most).toBeLessThan(200_000);
});

test.each<[era: string, listens: object]>([
  ['legacy', { jsonrpc: '2.0', method: 'notifications/initialized' }],
  ['modern', modernRequest('subscriptions/listen', { notifications: { toolsListChanged: true } }, 'l')[0]],
])(
  'a %s caller on stdio that is still reading a large answer when the list changes hears of that after it [R80]',
  async (_era, listens) => {
    const content = [{ type: 'text', text: 'x'.repeat(400_000) }];
    await using crm = await plainServer({
      era: 'modern',
      answers: { 'tools/call echo': ({ result }) => result({ resultType: 'complete', content }) },
    });
    await using hr = await plainServer({ era: 'modern' });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const heard: Message[] = [];
    let isReading = true;
    let readOn = () => {};
    const output = new Writable({
      decodeStrings: false,
      write(line: string, _encoding, done) {
        heard.push(JSON.parse(line));
        if (isReading) done();
        else readOn = done;
      },
    });
    const input = new PassThrough();
    const served = gateway.gateway.serveStdio(input, output);
    const say = (message: object) => input.write(`${JSON.stringify(message)}\n`);
    const answered = (id: string) => expect.poll(() => heard.some((each) => each.id === id)).toBe(true);
    say(listens);
    say(modernRequest('tools/list', {}, 'first')[0]);
    await answered('first');
    isReading = false;
    // The first of them is being read, the second waits.
    for (const id of ['read', 'large'])
      say(modernRequest('tools/call', { name: 'crm__echo', arguments: {} }, id)[0]);
    await expect.poll(() => output.writableLength).toBeGreaterThan(400_000);
    await gateway.reload({ mcpServers: { crm: crm.entry(), hr: hr.entry() } });
    isReading = true;
    readOn();
    await answered('large');
    say(modernRequest('tools/list', {}, 'last')[0]);
    await answered('last');
    expect(heard.map(({ method }) => method)).toContain('notifications/tools/list_changed');
    input.end();
    await served;
  },
);

test('a line of a server on stdio that is not UTF-8 is skipped, and costs the call that it answers alone', async () => {
  await using crm = stdioServer('garbles');
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const call = async (name: string) => {
    const params = { name: `crm__${name}`, arguments: { text: 'x' } };
    return (await gateway.post(...modernRequest('tools/call', params))).messages.at(-1)?.result;
  };
  const garbled = await call('garbles');
  expect(garbled).toMatchObject({ isError: true });
  expect(garbled.content[0].text).toContain('answered with something that is not MCP (not UTF-8)');
  expect((await call('echo')).isError).not.toBe(true);
  expect(crm.pids).toHaveLength(1);
});

test.each(['garbles_rows', 'long_rows'])('what the answer of %s holds ends no other call', async (tool) => {
  await using crm = stdioServer('garbles');
  const limits = { maxLineBytes: 16_384 };
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() }, limits });
  const call = async (name: string, args: object) => {
    const params = { name: `crm__${name}`, arguments: args };
    return (await gateway.post(...modernRequest('tools/call', params))).messages.at(-1)?.result;
  };
  const running = [call('slow', { ms: 1000 }), call('slow', { ms: 1001 })];
  const names = () => crm.events.map((each) => each.event === 'received' && each.message.params?.name);
  await expect.poll(() => names().filter((name) => name === 'slow').length).toBe(2);
  const unread = [call(tool, {}), call(tool, { idLast: true })];
  for (const each of unread) expect(await each).toMatchObject({ isError: true });
  const texts = (await Promise.all(running)).map(({ content }) => content[0].text);
  expect(texts).toEqual(['waited 1000 ms', 'waited 1001 ms']);
});
