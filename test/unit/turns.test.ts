import { createServer } from 'node:net';
import { Pool } from 'undici';
import { expect, test } from 'vitest';
import { createHttpLink } from '../../src/downstream/http-link.ts';
import type { Outcome } from '../../src/protocol/messages.ts';

const MIB = 1024 * 1024;
const limits = {
  maxResultBytes: 8 * MIB,
  maxEventBytes: 8 * MIB,
  maxLineBytes: 8 * MIB,
  maxInFlight: 16,
  maxNoticesPerSecond: 1000,
};

/** All that it has to say is on its way before who asked reads any of it. */
async function floodingServer(body: (id: number) => string) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (asked) => {
      const { id } = JSON.parse(String(asked).split('\r\n\r\n')[1] as string);
      const text = body(id);
      socket.write(
        `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    origin: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

test('whoever else waits has a turn after each piece of a large result', async () => {
  const text = 'x'.repeat(6 * MIB);
  await using server = await floodingServer(
    (id) =>
      `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete","content":[{"type":"text","text":"${text}"}]}}`,
  );
  const pool = new Pool(server.origin);
  const link = createHttpLink({
    ...{ key: 'crm', pool, path: '/mcp', headers: [], era: 'modern', version: '2026-07-28' },
    ...{ sessionId: undefined, limits, onElicitationDone: () => {} },
  });
  let [turns, isOver] = [0, false];
  const turn = () => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  const piecesByTurn = new Map<number, number>();
  let bytes = 0;
  const outcome = await new Promise<Outcome>((resolve, reject) => {
    link.request(
      { method: 'tools/call', params: { name: 'dump', arguments: {} }, progress: false },
      {
        onNotification: () => {},
        onLarge: () => ({
          write(piece) {
            bytes += piece.length;
            piecesByTurn.set(turns, (piecesByTurn.get(turns) ?? 0) + 1);
            return true;
          },
        }),
        onOutcome: resolve,
        onFailure: reject,
      },
    );
    turn();
  });
  isOver = true;
  await pool.destroy();
  expect(outcome).toHaveProperty('result');
  expect(bytes).toBeGreaterThan(6 * MIB);
  expect(Math.max(...piecesByTurn.values())).toBe(1);
});
