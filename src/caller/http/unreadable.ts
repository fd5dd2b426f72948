import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { LINGER_MS } from './last-answer.ts';

/** Why Node gave a request up; what is not here is a 400. */
const STATUSES: ReadonlyMap<string | undefined, readonly [status: number, why: string]> = new Map([
  ['HPE_HEADER_OVERFLOW', [431, 'The headers are larger than limits.maxHeaderBytes in servers.json allows.']],
  [
    'ERR_HTTP_REQUEST_TIMEOUT',
    [
      408,
      'The request took longer to come than limits.headersTimeoutMs and requestTimeoutMs in servers.json allow.',
    ],
  ],
]);

export const UNSERVABLE = 'This is not an HTTP request that can be served.';

/** The answer that is next, or being sent, over a connection: a field of Node's that it keeps to itself. */
export const answerOn = (socket: Duplex) =>
  (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;

/** Answers what is no request, or not one in time, as everything is answered here: in JSON. The connection ends with it. */
export function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  const answering = answerOn(socket);
  // The rest of what was answered.
  if (socket.writableEnded) return;
  // In the middle of an earlier answer there is no place for another one, and before it this one would be taken for it.
  const isOfEarlier = answering?.headersSent === true || answering?.req.complete === true;
  if (!socket.writable || isOfEarlier) return void socket.destroy();
  const [status, why] = STATUSES.get(error.code) ?? [400, UNSERVABLE];
  const json = JSON.stringify({ error: why });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(json)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${json}`);
  const lingering = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('end', () => socket.destroy()).once('close', () => clearTimeout(lingering));
}
