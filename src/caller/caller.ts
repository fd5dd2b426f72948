import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Sink } from '../downstream/link.ts';
import type { Era } from '../protocol/eras.ts';
import type { Notification, Request } from '../protocol/messages.ts';
import type { Selection } from './selection.ts';
import type { Session } from './session.ts';

/** Who it says it is, for those who look at calls. */
export interface Identity {
  /** How it was let in. */
  readonly name: 'token' | 'stdio';
  /** Its User-Agent. */
  readonly agent: string | undefined;
}

/** Who asks, as far as this one request tells. */
export interface Caller extends Identity {
  readonly era: Era;
  /** Which part of the catalog it meets, and in which form. */
  readonly selection: Selection;
  /** Of a pipe, as the configuration in force has it: there it is chosen once, and kept where it is there no more. */
  readonly selectionNow?: () => Selection;
  /** What tells this caller's requests from another's; undefined when nothing does. */
  readonly session: Session | undefined;
  /**
   * Of a modern request over HTTP: what it mirrors is held against its body. Of a stream over HTTP: it ends with its token.
   */
  readonly headers?: IncomingHttpHeaders;
}

/** Who asks over HTTP. */
export function callerOf(
  { headers }: IncomingMessage,
  era: Era,
  selection: Selection,
  session: Session | undefined,
): Caller {
  const agent = headers['user-agent'];
  // Written out: a copy of an object with another made each call a tenth dearer.
  return era === 'modern'
    ? { name: 'token', agent, era, selection, session, headers }
    : { name: 'token', agent, era, selection, session };
}

/** How one request is answered, whatever carries it. */
export interface Reply {
  notify(message: Notification): void;
  /** Asks the caller something before the answer. False where that cannot be sent. */
  ask(question: Request): boolean;
  /**
   * The whole response as JSON. `httpStatus` and further headers count where there are such.
   *
   * @returns  how many bytes it has
   */
  end(json: string, httpStatus?: number, headers?: readonly string[]): number;
  /**
   * The response in pieces: `head` now, then what is written, `tail` at its end. Undefined where it has to be said as a
   * whole.
   *
   * @param goOn  called when more is wanted, after `write` has said that it is enough
   */
  sink?(head: string, tail: string, goOn: () => void): ReplySink | undefined;
  /** As `end`, for a large part that is kept as bytes: the response is `head`, `body` and `tail` in one piece. */
  endAround(head: string, body: Buffer, tail: string): void;
  /** Ends it without a response: the request was cancelled. */
  abandon(): void;
  /** The caller has gone away; nothing that is said now is heard. */
  readonly isGone: boolean;
  /** The answer takes its time: says so now and then, and calls back if the caller goes away before it. */
  running(onGone: () => void): void;
  /**
   * The answer is a stream of notices that does not end by itself; it is kept alive. Calls back if the caller goes away.
   * False where there is no way to send such a one.
   */
  listening(onGone: () => void): boolean;
}

/** A response in pieces. */
export interface ReplySink extends Sink {
  /** All of it was written. */
  end(): void;
  /** What was said so far is no response, and nothing will make it one. */
  cut(): void;
}

/** Whoever asks with the same identity at the same URL is taken for the same. */
export const keyOfCaller = ({ session, agent = '', era, selection: { profile, toolset } }: Caller) =>
  `${session?.identity ?? agent}\n${era}\n${profile.name}\n${toolset?.name ?? ''}`;
