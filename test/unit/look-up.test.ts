import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { createLookUp } from '../../src/downstream/http/look-up.ts';
import { type Deferred, deferred } from '../../src/promises.ts';

const HERE = [{ address: '127.0.0.1', family: 4 }];

/** A server at a name, and a name server that answers when the test says so. */
async function namedServer() {
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const asked: Deferred<LookupAddress[]>[] = [];
  const ask = () => {
    const answer = deferred<LookupAddress[]>();
    asked.push(answer);
    return answer.promise;
  };
  const lookup = createLookUp(ask, 10);
  return {
    asked,
    async connects(): Promise<string> {
      const socket = connect({ host: 'crm.example.com', port, lookup });
      return once(socket, 'connect').then(
        () => 'connected',
        (error) => error.code,
      );
    },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

test('a host that was found before is connected to while its name server is silent', async () => {
  await using crm = await namedServer();
  const first = crm.connects();
  crm.asked[0]?.resolve(HERE);
  expect(await first).toBe('connected');
  expect(await crm.connects()).toBe('connected');
  // Asked for already.
  expect(await crm.connects()).toBe('connected');
  expect(crm.asked.length).toBe(2);
});

test('a host is asked for once, however many connections wait for it', async () => {
  await using crm = await namedServer();
  const waiting = [crm.connects(), crm.connects()];
  expect(crm.asked.length).toBe(1);
  crm.asked[0]?.resolve(HERE);
  expect(await Promise.all(waiting)).toEqual(['connected', 'connected']);
  expect(await crm.connects()).toBe('connected');
});

test.each([
  ['fails for a while is connected to where it was', 'EAI_AGAIN', 'connected'],
  ['says that there is no such host any more is believed', 'ENOTFOUND', 'ENOTFOUND'],
])('a host whose name server %s', async (_what, code, outcome) => {
  await using crm = await namedServer();
  const first = crm.connects();
  crm.asked[0]?.resolve(HERE);
  await first;
  const next = crm.connects();
  crm.asked[1]?.reject(Object.assign(new Error('asked'), { code }));
  expect(await next).toBe(outcome);
});
