import { type Dispatcher, request } from 'undici';
import type { CallResult } from '../faulty.ts';
import { type Era, modernMeta, revision, token } from '../scene.ts';

export interface Call {
  readonly name: string;
  readonly args: object;
  readonly era: Era;
  /** Whether it asks for an event stream, with reports of progress in it. */
  readonly streams?: boolean;
}

export interface Answer {
  readonly result?: CallResult;
  readonly error?: { readonly code: number; readonly message: string };
}

/** One call as callers of either era make it, and the message that answers it. */
export async function call(
  url: string,
  { name, args, era, streams = false }: Call,
  options: { readonly dispatcher: Dispatcher; readonly signal?: AbortSignal },
): Promise<Answer> {
  const meta = { ...(era === 'modern' && modernMeta), ...(streams && { progressToken: 1 }) };
  const { body } = await request(url, {
    ...options,
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: streams ? 'application/json, text/event-stream' : 'application/json',
      'mcp-protocol-version': revision[era],
      ...(era === 'modern' && { 'mcp-method': 'tools/call', 'mcp-name': name }),
    },
    body: JSON.stringify({
      ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
      params: { name, arguments: args, _meta: meta },
    }),
  });
  const text = await body.text();
  return JSON.parse(text.startsWith('{') ? text : lastEventOf(text));
}

/** A line that begins so is one of the stream: in JSON there are no line ends. */
function lastEventOf(text: string): string {
  const start = '\ndata: ';
  return text.slice(text.lastIndexOf(start) + start.length).trimEnd();
}
