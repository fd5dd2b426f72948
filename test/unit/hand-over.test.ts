import { once } from 'node:events';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { queryObjects } from 'node:v8';
import { Pool } from 'undici';
import { expect, test } from 'vitest';
import { createHandOver } from '../../src/caller/processes/hand-over.ts';
import { listenOnLoopback } from '../support/http-server.ts';
import { rawCaller } from '../support/raw-caller.ts';
import { send } from '../support/wire-client.ts';

/** More than lies on the way where its sender is done with it. */
const LARGE_BYTES = 16 * 1024 * 1024;

test('who does not read what another process has answered is cut off', async () => {
  const path = join(tmpdir(), `hand-over-${process.pid}`);
  const other = createServer((_req, res) => void res.end(Buffer.alloc(LARGE_BYTES)));
  other.listen(path);
  await once(other, 'listening');
  const handOver = createHandOver(() => path, { unsentTimeoutMs: 100 });
  try {
    let closed: Promise<unknown> | undefined;
    await using server = await listenOnLoopback((_recorded, req, res) => {
      closed = once(res, 'close');
      handOver.pass(1, req, res);
    });
    await using caller = await rawCaller(server.origin);
    caller.socket.pause();
    caller.send('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await expect.poll(() => closed).toBeDefined();
    await closed;
    caller.socket.resume();
    await caller.ended;
    const bytes = caller.chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
    expect(bytes).toBeLessThan(LARGE_BYTES);
  } finally {
    handOver.close();
    other.close();
  }
});

test('of processes that have ended nothing is kept, however many there were', async () => {
  const pathOf = (index: number) => join(tmpdir(), `hand-over-${process.pid}-${index}`);
  const handOver = createHandOver(pathOf, { unsentTimeoutMs: 1000 });
  let to = 0;
  await using server = await listenOnLoopback((_recorded, req, res) => handOver.pass(to, req, res));
  const get = async () => (await send(server.origin, { method: 'GET' })).status;
  const pools = () => queryObjects(Pool, { format: 'count' });
  const before = pools();
  try {
    while (to < 3) {
      const other = createServer((_req, res) => void res.end('here'));
      other.listen(pathOf(++to));
      await once(other, 'listening');
      expect(await get()).toBe(200);
      other.close();
      other.closeAllConnections();
      await once(other, 'close');
      // Some are asked for once more.
      if (to % 2 === 0) expect(await get()).toBe(503);
    }
    await expect.poll(pools).toBeLessThanOrEqual(before);
  } finally {
    handOver.close();
  }
});
