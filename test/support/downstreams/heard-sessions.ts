import { kept } from '../../../src/catalog/kept.ts';
import { type Deferred, deferred } from '../../../src/promises.ts';
import type { RecordedRequest } from '../http-server.ts';
import type { Message } from '../messages.ts';

/** After these a test may have its server say something. */
const BEGINNINGS = ['tools/call', 'resources/subscribe'];

/**
 * Of a server on SDK v1: what that says while a session has no stream is lost. So what lets it speak waits for the stream of
 * its session, which a client asks for without waiting for it.
 */
export function heardSessions(): (request: RecordedRequest) => Promise<void> {
  const streams = new Map<unknown, Deferred<void>>();
  return async ({ method, headers: { 'mcp-session-id': session }, body }) => {
    const stream = kept(streams, session, deferred<void>);
    // Opened in this turn of the loop.
    if (method === 'GET') setImmediate(stream.resolve);
    else if (BEGINNINGS.includes((body as Message | undefined)?.method ?? '')) await stream.promise;
  };
}
