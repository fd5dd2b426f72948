import { Pool } from 'undici';
import { expect, test } from 'vitest';
import { createHttpLink } from '../../src/downstream/http/http-link.ts';
import type { Message, Outcome } from '../../src/protocol/messages.ts';
import { listenOnLoopback, sendJson } from '../support/http-server.ts';

const MIB = 1024 * 1024;
const limits = {
  maxResultBytes: 8 * MIB,
  maxEventBytes: 8 * MIB,
  maxLineBytes: 8 * MIB,
  maxInFlight: 16,
  maxNoticesPerSecond: 1000,
};

test('whoever else waits has a turn after each piece of a large result', async () => {
  const text = 'x'.repeat(6 * MIB);
  // All that it has to say is on its way before who asked reads any of it.
  await using server = await listenOnLoopback(({ body }, _req, res) => {
    const { id } = body as Message;
    sendJson(res, 200, {
      jsonrpc: '2.0',
      id,
      result: { resultType: 'complete', content: [{ type: 'text', text }] },
    });
  });
  const pool = new Pool(server.origin);
  const link = createHttpLink({
    ...{ key: 'crm', pool, path: '/mcp', headers: [], era: 'modern', version: '2026-07-28' },
    ...{ sessionId: undefined, limits, onNotice: () => {}, onUnreachable: () => {} },
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
