// What a downstream answers, as JSON: the same over HTTP and on stdio.

import { type BenchDownstream, defineTool, resultBytes, resultHead, revision, toolNames } from '../scene.ts';

export interface Message {
  readonly id?: string | number;
  readonly method: string;
  /** Of a call, or of initialize. */
  readonly params?: CallParams & { readonly protocolVersion?: string };
}

/** What a call asks for, and of what kind its answer is to be. */
export interface CallArguments {
  readonly n: number;
  readonly bytes?: number;
  readonly sse?: boolean;
  /** Over how long the answer is written. */
  readonly paceMs?: number;
}

export interface CallParams {
  readonly name: string;
  readonly arguments: CallArguments;
}

const fillers = new Map<number, string>();
const lists = new Map<BenchDownstream, string>();

/** `"result":…` of a call. */
export function callResult({ key, era }: BenchDownstream, { name, arguments: args }: CallParams): string {
  const text = textOf(resultHead(key, name, args.n), args.bytes ?? resultBytes);
  const complete = era === 'modern' ? '"resultType":"complete",' : '';
  return `"result":{${complete}"content":[{"type":"text","text":"${text}"}]}`;
}

function textOf(head: string, bytes: number): string {
  let filler = fillers.get(bytes);
  if (filler === undefined) {
    filler = 'x'.repeat(bytes);
    fillers.set(bytes, filler);
  }
  return head + filler.slice(head.length);
}

/** `"result":…` or `"error":…` of whatever is not a call. */
export function otherOutcome(downstream: BenchDownstream, { method, params }: Message): string {
  const modern = downstream.era === 'modern';
  const serverInfo = { name: downstream.key, version: '1' };
  const capabilities = { tools: {} };
  // Half an hour: longer than a run, so that whoever honours it lists once.
  const complete = modern ? { resultType: 'complete', ttlMs: 1_800_000, cacheScope: 'private' } : {};
  const result = (value: object) => `"result":${JSON.stringify({ ...complete, ...value })}`;
  if (method === 'tools/list') {
    let list = lists.get(downstream);
    if (list === undefined) {
      list = result({ tools: toolNames(downstream.tools).map(defineTool) });
      lists.set(downstream, list);
    }
    return list;
  }
  if (method === 'ping') return result({});
  if (method === 'server/discover' && modern)
    return result({ supportedVersions: [revision.modern], capabilities, serverInfo });
  if (method === 'initialize' && !modern)
    // That of the caller: some know no more than the older ones.
    return result({ protocolVersion: params?.protocolVersion ?? revision.legacy, capabilities, serverInfo });
  return '"error":{"code":-32601,"message":"Method not found"}';
}
