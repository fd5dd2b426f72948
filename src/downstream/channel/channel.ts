import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import type { DownstreamFailure } from '../../errors.ts';
import { isFlood, isObject } from '../../protocol/messages.ts';
import { Pace } from '../../protocol/pace.ts';
import { isDeeperThan, MAX_WRITTEN_DEPTH, parseMessage } from '../../protocol/written-answer.ts';
import { Rests, type Source } from '../rests.ts';

/** Who takes a message off the channel before the SDK client sees it. */
export type Interceptor = (message: Record<string, unknown>) => boolean;

/**
 * One way for all messages of a connection, as opposed to a stream for each request: a child's pipe, or HTTP+SSE. It has
 * two users: the SDK client (handshake, notices), for which it is a `Transport`, and the relay, which writes its own
 * messages and takes its own answers off by their ids.
 */
export interface Channel extends Transport {
  /** Set by the relay's link once the handshake is over. */
  intercept: Interceptor;
  /** Told the ids that stand in a message that cannot be read. */
  onUnreadable: (id: number, failure: DownstreamFailure) => void;
  /** Why it has ended, in a few words; undefined while it is open. */
  readonly ended: string | undefined;
  /** What those hear that still wait when it ends; undefined where nothing is known but that. */
  failure: DownstreamFailure | undefined;
  /**
   * Writes a message; undefined where there is nothing to write to.
   *
   * @param onRefused  told where it turns out that it did not arrive
   * @returns          what gives it up: it goes out no more, or is not waited for
   */
  write(json: string, onRefused?: (failure: DownstreamFailure) => void): (() => void) | undefined;
}

/**
 * Passes on what was read: to the relay what is the relay's, the rest to the SDK's client, but not what is nested very deep.
 * The SDK goes down into all of a message, and what it throws there would be the end of the process.
 */
export class Intake {
  readonly #channel: Channel;
  readonly #maxNoticesPerSecond: number;
  readonly #notices: Pace;
  /** Of what has an id, which is never dropped, and answers no call: after so many nothing is read for a second. */
  #asides: Rests | undefined;

  constructor(channel: Channel, maxNoticesPerSecond: number) {
    this.#channel = channel;
    this.#maxNoticesPerSecond = maxNoticesPerSecond;
    this.#notices = new Pace(maxNoticesPerSecond);
  }

  /** From now on something is read. */
  open(source: Source): void {
    this.#asides = new Rests(this.#maxNoticesPerSecond, source);
  }

  /** @returns false for what is no JSON */
  take(json: string): boolean {
    if (isFlood(json, this.#notices)) return true;
    let given: unknown;
    try {
      given = parseMessage(json);
    } catch {
      return false;
    }
    let isDeep: boolean | undefined;
    // Revision 2025-03-26 had batches; a server of that time may still answer with one.
    for (const message of Array.isArray(given) ? given : [given]) {
      if (!isObject(message)) continue;
      const isTaken = this.#channel.intercept(message);
      const isAside = message.id !== undefined && (message.method !== undefined || !isTaken);
      if (isAside) this.#asides?.count();
      if (isTaken) continue;
      isDeep ??= isDeeperThan(json, MAX_WRITTEN_DEPTH);
      if (!isDeep) this.#channel.onmessage?.(message as unknown as JSONRPCMessage);
    }
    return true;
  }
}
