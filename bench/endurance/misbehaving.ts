// A server in a process of its own that misbehaves in the way it is told: node --import tsx bench/endurance/misbehaving.ts
// Its work is not to be in the process that measures.

import { setTimeout as sleep } from 'node:timers/promises';
import {
  bomb,
  bytes,
  chunk,
  chunked,
  drip,
  type endless,
  event,
  fin,
  good,
  head,
  json,
  progress,
  rst,
  silence,
  stream,
} from '../../test/support/evil/steps.ts';
import { evilServer, httpHead, type Step, type Wire } from '../../test/support/evil/wire.ts';

const MIB = 1024 * 1024;
const BOMB = bomb(100 * MIB, 'gzip');
const PIECE = 64 * 1024;
const HUGE = 'x'.repeat(10 * MIB);
const zipped = { ...json, 'content-encoding': 'gzip', 'content-length': String(BOMB.length) };
const huge = ({ message }: Wire) =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: message.id,
    result: { resultType: 'complete', content: [{ type: 'text', text: HUGE }] },
  });

/** As fast as a server on another machine may send: without an end, but not as one process floods another on one. */
const atAPace =
  (text: Parameters<typeof endless>[0], times: number, everyMs: number): Step =>
  async (wire) => {
    const piece = chunk(text);
    while (wire.socket.writable) {
      for (let n = 0; n < times; n++) await Promise.race([piece(wire) as Promise<void>, wire.gone]);
      await sleep(everyMs);
    }
  };

/** As a network brings it: what is written at once holds a processor for all of it that is on the same machine. */
const inPieces =
  (text: (wire: Wire) => string): Step =>
  async (wire) => {
    const all = text(wire);
    for (let at = 0; at < all.length && wire.socket.writable; at += PIECE)
      await Promise.race([chunk(all.slice(at, at + PIECE))(wire) as Promise<void>, wire.gone]);
  };

/** By name. Without steps, it is gone: its port refuses connections. */
export const KINDS: Readonly<Record<string, readonly Step[] | undefined>> = {
  'hung calls': [silence],
  'streams cut off': [chunked(stream), chunk(progress(1)), rst],
  'events without end': [chunked(stream), atAPace(progress(1), 20, 10)],
  'bombs of gzip': [bytes(httpHead(200, zipped)), bytes(BOMB)],
  'results of 10 MB': [chunked(json), inPieces(huge), bytes('0\r\n\r\n')],
  'a byte at a time': [head(stream), drip((wire) => event(good(wire))(wire), 1, 5), fin],
  'a head and no body': [head({ ...json, 'content-length': '9' }), silence],
  'connections refused': undefined,
};

if (process.argv[1] === import.meta.filename) {
  const evil = await evilServer({ era: 'modern', remembers: false });
  process.on('message', async (kind: string) => {
    const steps = KINDS[kind];
    evil.script(steps === undefined ? {} : { 'tools/call': steps });
    if (kind === 'connections refused') {
      await evil[Symbol.asyncDispose]();
      process.exit(0);
    }
    process.send?.({ kind });
  });
  process.on('disconnect', () => process.exit(1));
  process.send?.({ url: evil.url });
}
