import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createLookUp } from '../../src/downstream/http/look-up.ts';
import { openPool } from '../../src/downstream/http/open-pool.ts';
import { type Deferred, deferred } from '../../src/promises.ts';
import { darkProxy } from '../support/dark-proxy.ts';
import { plainServer } from '../support/downstreams/plain.ts';

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

test('a command whose host is not found does not go on for a while', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  const lookup = createLookUp(async () => Promise.reject(new Error('ENOTFOUND')));
  await expect(once(connect({ host: 'crm.example.com', port: 1, lookup }), 'connect')).rejects.toThrow();
  expect(timers()).toBe(before);
});

test('over a line that loses a packet a host is reached, also where its other address leads nowhere', async () => {
  await using crm = await plainServer({ era: 'modern' });
  await using proxy = await darkProxy(Number(new URL(crm.url).port));
  // Kept for documents (RFC 3849).
  const nowhere = { address: '2001:db8::1', family: 6 };
  const lookup = createLookUp(async () => [...HERE, nowhere]);
  const pool = openPool(`http://crm.example.com:${proxy.port}`, 1, undefined, lookup);
  proxy.goDark();
  // Until its kernel holds as many connections as it will.
  await sleep(200);
  const answer = pool.request({ path: '/mcp', method: 'GET' });
  setTimeout(() => proxy.comeBack(), 500);
  const { statusCode, body } = await answer;
  await body.dump();
  await pool.destroy();
  expect(statusCode).toBe(405);
});
