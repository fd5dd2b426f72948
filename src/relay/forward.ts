import type { Exchange, Receiver } from '../downstream/link.ts';
import { asksForInput, type DownstreamFailure, deadlinePassed, notMcp, unavailable } from '../errors.ts';
import type { Notification, Outcome, Params, RequestId } from '../protocol/messages.ts';
import type { Forwarding } from './forwarding.ts';

/** The way back to the one caller whose call it is. What is given here leaves in this order. */
export interface WayBack {
  notify(message: Notification): void;
  /** Exactly one of these three, once, and last. */
  answer(outcome: Outcome): void;
  fail(failure: DownstreamFailure): void;
  cancelled(): void;
}

/** A call on its way. */
export interface RunningCall {
  readonly hasEnded: boolean;
  /** Ends it here and downstream. */
  cancel(reason: string): void;
}

/**
 * Sends one request where it is to go. It ends with an answer, a failure or a cancellation, and no later than its
 * `timeoutMs`.
 *
 * @param given  the params as the caller sent them
 */
export function forward(forwarding: Forwarding, given: Params, back: WayBack): RunningCall {
  return new ForwardedCall(forwarding, given, back);
}

class ForwardedCall implements Receiver, RunningCall {
  readonly #forwarding: Forwarding;
  readonly #back: WayBack;
  readonly #progressToken: RequestId | undefined;
  readonly #deadline: NodeJS.Timeout;
  readonly #exchange: Exchange;
  #lastProgress = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor(forwarding: Forwarding, given: Params, back: WayBack) {
    this.#forwarding = forwarding;
    this.#back = back;
    this.#progressToken = progressTokenOf(given);
    const { method, params, paramHeaders, timeoutMs } = forwarding;
    this.#deadline = setTimeout(() => this.#onDeadline(timeoutMs), timeoutMs);
    this.#exchange = forwarding.downstream.request(
      {
        method,
        params,
        progress: this.#progressToken !== undefined,
        ...(paramHeaders !== undefined && { paramHeaders }),
      },
      this,
    );
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  cancel(reason: string): void {
    if (!this.#end()) return;
    this.#exchange.cancel(reason);
    this.#back.cancelled();
  }

  onNotification(message: Notification): void {
    if (this.#ended || this.#progressToken === undefined) return;
    const { progress } = message.params ?? {};
    // The specification has it increase; what does not is no news to the caller.
    if (typeof progress !== 'number' || progress <= this.#lastProgress) return;
    this.#lastProgress = progress;
    try {
      this.#back.notify({ ...message, params: { ...message.params, progressToken: this.#progressToken } });
    } catch {
      // Nested too deep to be written: no loss to the call.
    }
  }

  onOutcome(outcome: Outcome): void {
    // We declared no capability that would allow a question, and every other type is invalid in this revision.
    const unfinished = 'result' in outcome && (outcome.result.resultType ?? 'complete') !== 'complete';
    const { downstream, shape } = this.#forwarding;
    if (unfinished) return this.onFailure(asksForInput(downstream.key));
    let shaped = outcome;
    if ('result' in outcome && shape !== undefined) {
      try {
        shaped = { result: shape(outcome.result) };
      } catch (cause) {
        return this.onFailure(notMcp(downstream.key, 'nested too deep', cause));
      }
    }
    if (this.#end()) this.#back.answer(shaped);
  }

  onFailure(failure: DownstreamFailure): void {
    if (this.#end()) this.#back.fail(failure);
  }

  #onDeadline(deadlineMs: number): void {
    const { downstream, exposedName } = this.#forwarding;
    if (!this.#end()) return;
    const { hasBegun } = this.#exchange;
    this.#exchange.cancel('deadline passed');
    this.#back.fail(
      hasBegun
        ? deadlinePassed(downstream.key, exposedName, deadlineMs)
        : unavailable(
            downstream.key,
            downstream.status().why ?? `all its connections were busy for ${deadlineMs} ms`,
          ),
    );
  }

  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    clearTimeout(this.#deadline);
    return true;
  }
}

function progressTokenOf(params: Params): RequestId | undefined {
  const token = (params._meta as Params | undefined)?.progressToken;
  return typeof token === 'string' || typeof token === 'number' ? token : undefined;
}
