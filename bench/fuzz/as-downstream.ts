import { setImmediate as immediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { httpHead, type Step, type Wire } from '../../test/support/evil/wire.ts';
import { randomFrom } from '../random.ts';
import { anyJson, cutAnywhere, type Dice, dice, mutateBytes, mutateJson, writeJson } from './grammar.ts';

/** What of a result its callers get as it was. */
export interface Payload {
  readonly content: readonly { readonly type: 'text'; readonly text: string }[];
  readonly structuredContent: { readonly value: unknown };
}

export interface DownstreamCase {
  /** Callers get exactly this; undefined where the answer is broken, and they get anything that is one. */
  readonly expected: Payload | undefined;
  /** Bytes below HTTP, as they are sent. */
  bytes(wire: Pick<Wire, 'era' | 'message'>): readonly Buffer[];
}

/** A caller never sees this: it stands in what is no answer of MCP, and in the headers of the entries. */
export const CANARY = 'canary-of-the-downstream-7f3a';

/** The case for a seed: whoever calls and whoever answers make the same of it. */
export function downstreamCase(seed: number): DownstreamCase {
  const given = dice(randomFrom(seed));
  const text = given.chance(0.5) ? 'well' : JSON.stringify(anyJson(given));
  // As it is after a way through JSON: `-0` and lone surrogates come out as JSON has them.
  const payload: Payload = JSON.parse(
    JSON.stringify({ content: [{ type: 'text', text }], structuredContent: { value: anyJson(given) } }),
  );
  const isBroken = given.chance(0.5);
  return {
    expected: isBroken ? undefined : payload,
    bytes({ era, message }) {
      const dice = given;
      const complete = era === 'modern' ? { resultType: 'complete' } : {};
      const answer = { jsonrpc: '2.0', id: message.id, result: { ...payload, ...complete } };
      const progressToken = message.params?._meta?.progressToken;
      if (!isBroken) return cutAnywhere(dice, framed(dice, answer, progressToken));
      if (dice.chance(0.4)) {
        let odd: unknown = answer;
        for (let times = 1 + dice.upTo(3); times > 0; times--) odd = mutateJson(dice, odd);
        return cutAnywhere(dice, framed(dice, odd, progressToken));
      }
      if (dice.chance(0.3)) return cutAnywhere(dice, noAnswer(dice));
      let bytes = framed(dice, answer, progressToken);
      for (let times = 1 + dice.upTo(3); times > 0; times--) bytes = mutateBytes(dice, bytes);
      return cutAnywhere(dice, bytes);
    },
  };
}

/** A whole HTTP answer with this message in it: JSON or a stream, in any of the ways that both allow. */
function framed(given: Dice, message: unknown, progressToken: unknown): Buffer {
  const isStream = given.chance(0.7);
  const body = isStream ? streamWith(given, message, progressToken) : jsonWith(given, message);
  const type = isStream
    ? given.pick([
        'text/event-stream',
        'text/event-stream; charset=utf-8',
        'Text/Event-Stream;charset="UTF-8"',
      ])
    : given.pick(['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON']);
  const bytes = Buffer.from(body);
  switch (given.upTo(3)) {
    case 0:
      return Buffer.concat([head({ 'content-type': type, 'content-length': String(bytes.length) }), bytes]);
    case 1:
      // Until its connection ends.
      return Buffer.concat([head({ 'content-type': type, connection: 'close' }), bytes]);
    default: {
      const chunks = cutAnywhere(given, bytes).filter(({ length }) => length > 0);
      return Buffer.concat([
        head({ 'content-type': type, 'transfer-encoding': 'chunked' }),
        ...chunks.flatMap((chunk) => [
          Buffer.from(`${chunk.length.toString(16)}\r\n`),
          chunk,
          Buffer.from('\r\n'),
        ]),
        Buffer.from('0\r\n\r\n'),
      ]);
    }
  }
}

function jsonWith(given: Dice, message: unknown): string {
  const text = writeJson(message, given.pick([0, 1, '\t']));
  return given.chance(0.2) ? ` \r\n\t${text}\n ` : text;
}

function streamWith(given: Dice, message: unknown, progressToken: unknown): string {
  const eol = given.pick(['\n', '\r\n', '\r']);
  const lines: string[] = [];
  const field = (name: string, value: string) => `${name}:${given.chance(0.7) ? ' ' : ''}${value}`;
  const extra = () => {
    if (given.chance(0.2)) lines.push(`: ${given.pick(['', 'nothing to say', 'data: {}'])}`);
    if (given.chance(0.2)) lines.push(field('event', 'message'));
    if (given.chance(0.1)) lines.push(field('retry', '10'));
    if (given.chance(0.1)) lines.push(given.pick(['unknown: field', 'unknown', 'DATA: {}']));
  };
  const event = (value: unknown) => {
    extra();
    // Written over lines, it is one event all the same.
    const text = writeJson(value, given.chance(0.3) ? 1 : 0);
    for (const line of text.split('\n')) lines.push(field('data', line));
    extra();
    lines.push('');
  };
  for (let n = given.upTo(3); n > 0 && progressToken !== undefined; n--) {
    event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 3 - n } });
  }
  event(message);
  return `${given.chance(0.1) ? '\ufeff' : ''}${lines.join(eol)}${eol}`;
}

/** What stands in the way of servers: pages, refusals, things that are compressed or are not. */
function noAnswer(given: Dice): Buffer {
  const status = given.pick([
    200, 201, 202, 204, 301, 307, 400, 401, 403, 404, 406, 418, 429, 500, 502, 503, 504,
  ]);
  const type = given.pick([
    'text/html',
    'text/plain',
    'application/problem+json',
    'application/octet-stream',
  ]);
  const text = `<h1>${CANARY}</h1>${given.pick(['', '\u001b[31m', '\r\n\r\n', '{"jsonrpc":"2.0"}'])}`;
  const isZipped = given.chance(0.2);
  const body = isZipped && given.chance(0.7) ? gzipSync(text) : Buffer.from(text);
  const more = given.pick<Record<string, string>>([
    {},
    { location: `http://127.0.0.1:1/${CANARY}` },
    { 'retry-after': given.pick(['0', '-1', 'soon', '9'.repeat(30), CANARY]) },
    { 'www-authenticate': `Bearer realm="${CANARY}"` },
    { 'set-cookie': CANARY },
    { 'content-type': 'text/event-stream' },
  ]);
  const encoding: Record<string, string> = isZipped ? { 'content-encoding': 'gzip' } : {};
  const length = String(body.length);
  return Buffer.concat([
    head({ 'content-type': type, ...encoding, ...more, 'content-length': length }, status),
    body,
  ]);
}

const head = (headers: Record<string, string>, status = 200) =>
  Buffer.from(httpHead(status, headers), 'latin1');

/** Answers a call by the seed in its arguments, and ends the connection where that is broken: it must not be waited for. */
export const bySeed: Step = async (wire) => {
  const seed: unknown = wire.message.params?.arguments?.seed;
  if (typeof seed !== 'number') return wire.send(plainAnswer(wire));
  const { expected, bytes } = downstreamCase(seed);
  const pieces = bytes(wire);
  for (const piece of pieces) {
    await Promise.race([wire.send(piece), wire.gone]);
    if (pieces.length < 30) await immediate();
  }
  const endsByItself = expected !== undefined && !Buffer.concat(pieces).includes('\r\nconnection: close\r\n');
  if (!endsByItself) wire.socket.end();
};

function plainAnswer({ era, message }: Wire): Buffer {
  const complete = era === 'modern' ? { resultType: 'complete' } : {};
  const result = { content: [{ type: 'text', text: 'well' }], ...complete };
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
  const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
  return Buffer.concat([head(headers), body]);
}
