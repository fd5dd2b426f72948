import type { FailureReason } from '../../src/errors.ts';
import {
  bomb,
  bytes,
  chunk,
  chunked,
  endless,
  event,
  events,
  fin,
  head,
  json,
  progress,
  rst,
  silence,
  status,
  stream,
  whole,
} from '../../test/support/evil/steps.ts';
import { httpHead, type Step, type Wire } from '../../test/support/evil/wire.ts';

/** One way in which a server answers a call. */
export interface Misbehaviour {
  readonly steps: readonly Step[];
  /** Of a hundred thousand calls. */
  readonly often: number;
  /** What its callers may hear; without one, its answer. Where it is `deadline`, they call the tool that is given little time. */
  readonly heard?: FailureReason;
}

/** The answer that belongs to this call and no other. */
export const done = ({ era, message }: Wire): string => {
  const content = [{ type: 'text', text: `done ${message.params.arguments.n}` }];
  const complete = era === 'modern' ? { resultType: 'complete' } : {};
  return JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { ...complete, content } });
};

const BOMB = bomb(20 * 1024 * 1024, 'gzip');
const LARGEST = Buffer.alloc(300 * 1024, 0x20).toString();

/** What a server does to calls, by the word that stands in their arguments. Results of more than 256 KiB are too large. */
export const MISBEHAVIOURS: Readonly<Record<string, Misbehaviour>> = {
  streams: { steps: events(event(done)), often: 20_000 },
  reports: { steps: events(progress(1), progress(2), event(done)), often: 10_000 },
  'reports of others': { steps: events(progress(1, 'of another'), event(done)), often: 1000 },
  'cut before any byte': { steps: [rst], often: 1000, heard: 'outcome_unknown' },
  'cut stream': { steps: [chunked(stream), chunk(progress(1)), rst], often: 1000, heard: 'outcome_unknown' },
  'stream without its answer': { steps: events(progress(1)), often: 1000, heard: 'bad_answer' },
  'cut body': {
    steps: [head({ ...json, 'content-length': '999' }), bytes('{"jsonrpc"'), fin],
    often: 1000,
    heard: 'outcome_unknown',
  },
  'HTTP 500': { steps: [status(500)], often: 500, heard: 'server_error' },
  'HTTP 503': { steps: [status(503)], often: 500, heard: 'server_error' },
  'HTTP 502': { steps: [status(502)], often: 500, heard: 'outcome_unknown' },
  'HTTP 429': { steps: [status(429)], often: 500, heard: 'rate_limited' },
  'no JSON': { steps: [whole('<html>sorry</html>')], often: 500, heard: 'bad_answer' },
  'answer to another': {
    steps: [whole('{"jsonrpc":"2.0","id":"x","result":{}}')],
    often: 500,
    heard: 'bad_answer',
  },
  'too large': { steps: [whole(LARGEST)], often: 100, heard: 'too_large' },
  'gzip bomb': {
    steps: [
      bytes(httpHead(200, { ...json, 'content-encoding': 'gzip', 'content-length': String(BOMB.length) })),
      bytes(BOMB),
    ],
    often: 50,
    heard: 'too_large',
  },
  'events without end': { steps: [chunked(stream), endless(progress(1))], often: 10, heard: 'deadline' },
  'an event without end': {
    steps: [chunked(stream), chunk('data: '), endless('x'.repeat(64 * 1024))],
    often: 50,
    heard: 'too_large',
  },
  'never answers': { steps: [silence], often: 100, heard: 'deadline' },
  'stream that never answers': { steps: [chunked(stream), silence], often: 100, heard: 'deadline' },
};

/** Which of them it is for a number in [0, 1); undefined where the server behaves. */
export function misbehaviourAt(random: number): string | undefined {
  let left = random * 100_000;
  for (const [name, { often }] of Object.entries(MISBEHAVIOURS)) {
    left -= often;
    if (left < 0) return name;
  }
  return undefined;
}

/** Steps of a server that answers each call as its arguments say. */
export const asAsked: Step = async (wire) => {
  const { fault } = wire.message.params.arguments as { fault?: string };
  const steps = MISBEHAVIOURS[fault ?? '']?.steps ?? [whole(done)];
  for (const step of steps) await step(wire);
};

/** The tool that a call with this fault is to call, and how long each of them is given. */
export const toolFor = (fault: string | undefined) =>
  MISBEHAVIOURS[fault ?? '']?.heard === 'deadline' ? 'hang' : 'work';
export const TOOLS = { overrides: { hang: { callTimeoutMs: 300 }, work: { callTimeoutMs: 10_000 } } };

export const listsTools: Step = (wire) => {
  const { era, message } = wire;
  const complete =
    era === 'modern' ? { resultType: 'complete', ttlMs: 3_600_000, cacheScope: 'private' } : {};
  const tools = ['work', 'hang'].map((name) => ({ name, inputSchema: { type: 'object' } }));
  return whole(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { ...complete, tools } }))(wire);
};
