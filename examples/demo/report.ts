/**
 * Preloaded by the demo into the HTTP examples: tells it which headers arrive, so that the examples need not.
 * When the demo is gone, so is the example.
 */
import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';

/** What reached an example server, its headers in the spelling and order of the wire. */
export interface Received {
  method: string;
  headers: [name: string, value: string][];
}

subscribe('http.server.request.start', (message) => {
  const { request } = message as { request: IncomingMessage };
  const headers: Received['headers'] = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    headers.push([request.rawHeaders[i] ?? '', request.rawHeaders[i + 1] ?? '']);
  }
  process.send?.({ method: request.method ?? '', headers } satisfies Received);
});

process.once('disconnect', () => process.exit());
