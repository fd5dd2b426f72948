import type { Limits } from '../config/config.ts';
import { ProtocolError } from '../errors.ts';
import { classify } from '../protocol/eras.ts';
import { type Incoming, readMessage } from '../protocol/messages.ts';
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
  /** Where the caller has gone, it is dropped. */
  write(json: string): void;
  readonly isOpen: boolean;
  /** False while so much waits to be read that nothing is added but answers. */
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
  limits: Pick<Limits, 'maxJsonDepth'>,
  allowance: Allowance,
  onIdle: () => void = () => {},
): Pipe {
  const session = new Session(undefined, {});
  const onGone = new Set<() => void>();
  let waiting = 0;

  /** @param isCounted  it has entered the allowance, and leaves it when it is over */
  function createReply(isCounted: boolean): Reply {
    let isAwaited = true;
    let gone: (() => void) | undefined;
    waiting++;
    const over = () => {
      if (gone !== undefined) onGone.delete(gone);
      if (!isAwaited) return;
      isAwaited = false;
      if (isCounted) allowance.leave();
      if (--waiting === 0) onIdle();
    };
    const untilGone = (callback: () => void) => {
      gone = callback;
      onGone.add(callback);
    };
    const end = (json: string) => {
      output.write(json);
      over();
      return Buffer.byteLength(json);
    };
    return {
      notify(message) {
        if (output.mayNotify) output.write(JSON.stringify(message));
      },
      ask(question) {
        output.write(JSON.stringify(question));
        return output.isOpen;
      },
      end,
      endAround: (head, body, tail) => void end(head + body.toString('utf8') + tail),
      abandon: over,
      get isGone() {
        return !output.isOpen;
      },
      running(callback) {
        if (isAwaited) untilGone(callback);
      },
      listening(callback) {
        over();
        untilGone(callback);
        return true;
      },
    };
  }

  function openStream(caller: Caller): void {
    const reply = createReply(false);
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
        const { era } = classify(incoming.message, undefined);
        const caller = { ...who, era, selection: selection(), selectionNow: selection, session };
        if (incoming.kind === 'notification') {
          dispatcher.notice(incoming.message, caller);
          // What a caller over HTTP opens a stream for is heard on the pipe.
          if (incoming.message.method === 'notifications/initialized') openStream(caller);
          return;
        }
        const isCounted = incoming.message.method !== 'subscriptions/listen';
        const tooMany = isCounted ? allowance.enter() : undefined;
        if (tooMany !== undefined) throw tooMany;
        dispatcher.dispatch(incoming.message, caller, createReply(isCounted));
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        const json = writeRefusal(incoming, error);
        output.write(json);
        dispatcher.refused(incoming, who, error, Buffer.byteLength(json));
      }
    },
    get waiting() {
      return waiting;
    },
    close() {
      session.close();
      for (const callback of onGone) callback();
      onGone.clear();
    },
  };
}
