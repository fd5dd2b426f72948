import type { IncomingMessage, ServerResponse } from 'node:http';
import { kept } from '../../../src/catalog/kept.ts';
import { type Deferred, deferred } from '../../../src/promises.ts';
import { sseEvent } from './exchange.ts';
import { type PlainDownstream, plainServer } from './plain.ts';

/** What comes late, and does not say to which call it belongs. */
export const LATE_LOG = { method: 'notifications/message', params: { level: 'error', data: 'late log' } };
export const LATE_QUESTION = {
  method: 'elicitation/create',
  params: { mode: 'form', message: 'late question', requestedSchema: { type: 'object', properties: {} } },
};

/** The script `stdio/late.ts` over HTTP: what it has to say comes on the stream of the session. `quick` is answered. */
export function lateServer(): Promise<PlainDownstream> {
  const streams = new Map<unknown, Deferred<ServerResponse>>();
  /** It may be asked for after the first call. */
  const streamOf = ({ headers }: IncomingMessage) =>
    kept(streams, headers['mcp-session-id'], deferred<ServerResponse>);
  return plainServer({
    era: 'legacy',
    sessions: true,
    tools: ['holds', 'waits', 'quick'].map((name) => ({ name, inputSchema: { type: 'object' } })),
    gets(req, res) {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      streamOf(req).resolve(res);
    },
    answers: {
      'tools/call holds': ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
      'tools/call quick': ({ result }) => result({ content: [] }),
      async 'tools/call waits'({ message: { id }, req, result, responseTo }) {
        const answered = responseTo(`of ${id}`);
        const stream = await streamOf(req).promise;
        for (const message of [LATE_LOG, { id: `of ${id}`, ...LATE_QUESTION }]) {
          stream.write(sseEvent({ jsonrpc: '2.0', ...message }));
        }
        const { result: given, error } = await answered;
        result({ content: [{ type: 'text', text: JSON.stringify(given ?? error) }] });
      },
    },
  });
}
