import { once } from 'node:events';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createHandOver } from '../../src/caller/hand-over.ts';
import { listenOnLoopback } from '../support/http-server.ts';
import { rawCaller } from '../support/raw-caller.ts';

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
