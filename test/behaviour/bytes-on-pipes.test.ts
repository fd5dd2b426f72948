import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

test('a line of a caller on stdio that is not UTF-8 is refused, reaches no server, and the next one is answered', async () => {
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
    error: { code: -32700, message: 'The line is not valid UTF-8.' },
  });
  expect(pong).toMatchObject({ id: 2, result: {} });
  expect(crm.requests.length).toBe(before);
});

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
