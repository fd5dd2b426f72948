import type { Limits } from '../config/config.ts';
import { ProtocolError } from '../errors.ts';
import { eraOf } from '../protocol/eras.ts';
import { type Incoming, type Notification, type Request, readMessage } from '../protocol/messages.ts';
import type { Allowance } from './allowance.ts';
import { writeRefusal } from './answers.ts';
import type { Caller, Identity, Reply } from './caller.ts';
import type { Dispatcher } from './dispatch.ts';
import type { Selection } from './selection.ts';
import { Session } from './session.ts';

/** One caller at the other end of one way for all messages: a pair of pipes, or HTTP+SSE. */
export interface Pipe {
  /** Takes one message of the caller. */
  receive(json: string): void;
  /** Requests that have no answer yet. */
  readonly waiting: number;
  /** The caller has gone: nothing is heard, watched or asked for it any more. Its calls go on. */
  close(): void;
}

export interface PipeOutput {
  /**
   * Where the caller has gone, it is dropped.
   *
   * @param onLeft  called when it waits no more
   */
  write(json: string, onLeft?: () => void): void;
  readonly isOpen: boolean;
  /** False while so much waits to be read that nothing is added but answers, and changes. */
  readonly mayNotify: boolean;
}

/**
 * @param selection  as the configuration in force has it
 * @param onIdle     called when the last request that waited has its answer
 */
export function createPipe(
  dispatcher: Dispatcher,
  who: Identity,
  selection: () => Selection,
  output: PipeOutput,
  limits: Pick<Limits, 'maxJsonDepth' | 'maxUnsentBytes'>,
  allowance: Allowance,
  onIdle: () => void,
): Pipe {
  const session = new Session(undefined, {});
  const replies: PipeReplies = {
    output,
    limits,
    allowance,
    onIdle,
    onGone: new Set(),
    waiting: 0,
    unreadChanges: 0,
  };

  function openStream(caller: Caller): void {
    const reply = new PipeReply(replies, false);
    try {
      dispatcher.open(caller, reply);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      // Too many listen. A notification has no answer that could say so.
      reply.abandon();
    }
  }

  return {
    receive(json) {
      let incoming: Incoming | undefined;
      try {
        incoming = readMessage(json, limits.maxJsonDepth);
        if (incoming.kind === 'response') return dispatcher.answered(incoming.message, session);
        const era = eraOf(incoming.message, undefined);
        const { name, agent } = who;
        // Written out, as in `callerOf`.
        const caller = { name, agent, era, selection: selection(), selectionNow: selection, session };
        if (incoming.kind === 'notification') {
          dispatcher.notice(incoming.message, caller);
          // What a caller over HTTP opens a stream for is heard on the pipe.
          if (incoming.message.method === 'notifications/initialized') openStream(caller);
          return;
        }
        const isCounted = incoming.message.method !== 'subscriptions/listen';
        const tooMany = isCounted ? allowance.enter() : undefined;
        if (tooMany !== undefined) throw tooMany;
        dispatcher.dispatch(incoming.message, caller, new PipeReply(replies, isCounted));
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        const json = writeRefusal(incoming, error);
        output.write(json);
        dispatcher.refused(incoming, who, error, Buffer.byteLength(json));
      }
    },
    get waiting() {
      return replies.waiting;
    },
    close() {
      session.close();
      for (const callback of replies.onGone) callback();
      replies.onGone.clear();
    },
  };
}

/** What all replies over one pipe have in common. */
interface PipeReplies {
  readonly output: PipeOutput;
  readonly limits: Pick<Limits, 'maxUnsentBytes'>;
  readonly allowance: Allowance;
  readonly onIdle: () => void;
  /** Called when the caller goes. */
  readonly onGone: Set<() => void>;
  /** How many are awaited. */
  waiting: number;
  /** The bytes of those that wait to be read. */
  unreadChanges: number;
}

/** Answers one request over a pipe. A class, since each request would make all closures of an object anew. */
class PipeReply implements Reply {
  readonly #shared: PipeReplies;
  readonly #isCounted: boolean;
  #isAwaited = true;
  #isListening = false;
  #gone: (() => void) | undefined;

  /** @param isCounted  it has entered the allowance, and leaves it when it is over */
  constructor(shared: PipeReplies, isCounted: boolean) {
    this.#shared = shared;
    this.#isCounted = isCounted;
    shared.waiting++;
  }

  notify(message: Notification): void {
    const { output } = this.#shared;
    if (this.#isListening) this.#tellChange(JSON.stringify(message));
    else if (output.mayNotify) output.write(JSON.stringify(message));
  }

  /** Nobody says it again: it waits behind a large answer, and is dropped only for who reads none of many. */
  #tellChange(json: string): void {
    const shared = this.#shared;
    const bytes = Buffer.byteLength(json);
    if (shared.unreadChanges > shared.limits.maxUnsentBytes) return;
    shared.unreadChanges += bytes;
    shared.output.write(json, () => {
      shared.unreadChanges -= bytes;
    });
  }

  ask(question: Request): boolean {
    const { output } = this.#shared;
    output.write(JSON.stringify(question));
    return output.isOpen;
  }

  end(json: string): number {
    this.#shared.output.write(json);
    this.abandon();
    return Buffer.byteLength(json);
  }

  endAround(head: string, body: Buffer, tail: string): void {
    this.end(head + body.toString('utf8') + tail);
  }

  abandon(): void {
    const { onGone, allowance, onIdle } = this.#shared;
    if (this.#gone !== undefined) onGone.delete(this.#gone);
    if (!this.#isAwaited) return;
    this.#isAwaited = false;
    if (this.#isCounted) allowance.leave();
    if (--this.#shared.waiting === 0) onIdle();
  }

  get isGone(): boolean {
    return !this.#shared.output.isOpen;
  }

  running(onGone: () => void): void {
    if (this.#isAwaited) this.#untilGone(onGone);
  }

  listening(onGone: () => void): boolean {
    this.abandon();
    this.#isListening = true;
    this.#untilGone(onGone);
    return true;
  }

  #untilGone(callback: () => void): void {
    this.#gone = callback;
    this.#shared.onGone.add(callback);
  }
}
