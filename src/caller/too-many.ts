import { ProtocolError } from '../errors.ts';

/** A caller asks for too much at once, and may come again. */
export class TooMany extends ProtocolError {
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number, httpStatus: 429 | 503 = 429) {
    // Spec 2026-07-28, error codes: one's own lie outside of the range of JSON-RPC.
    super(httpStatus, message, { httpStatus });
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Of its answer over HTTP, name and value in turn. */
  get headers(): readonly string[] {
    return ['retry-after', String(this.retryAfterSeconds)];
  }
}

const asManyAs = (limit: string) => `as many as limits.${limit} in servers.json allows.`;

export const tooManyListeners = (count: number) =>
  new TooMany(`${count} streams of changes are open, ${asManyAs('maxListeners')}`, 5);

export const tooManyAtOnce = (count: number) =>
  new TooMany(`${count} requests of this caller run, ${asManyAs('maxCallerInFlight')}`, 1);

export const tooManyInAMinute = (count: number, seconds: number) =>
  new TooMany(
    `This caller has made ${count} requests in a minute, ${asManyAs('maxRequestsPerMinute')} Try again in ${seconds} s.`,
    seconds,
  );

/** Nobody asked for too much alone, but all together did. */
export const heapIsFull = (seconds: number) =>
  new TooMany(
    `The gateway has hardly any memory left, and takes nothing new until some calls have ended. Try again in ${seconds} s.`,
    seconds,
    503,
  );
