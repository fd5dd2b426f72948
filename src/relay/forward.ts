import type { Exchange, Receiver } from '../downstream/link.ts';
import { asksForInput, DownstreamFailure, deadlinePassed, notMcp, unavailable } from '../errors.ts';
import { META } from '../protocol/eras.ts';
import { isAtLeast, isLogLevel, type LogLevel } from '../protocol/log-levels.ts';
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
  readonly #logLevel: LogLevel | undefined;
  readonly #deadline: NodeJS.Timeout;
  readonly #exchange: Exchange;
  #lastProgress = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor(forwarding: Forwarding, given: Params, back: WayBack) {
    this.#forwarding = forwarding;
    this.#back = back;
    const meta = given._meta as Params | undefined;
    this.#progressToken = isToken(meta?.progressToken) ? meta.progressToken : undefined;
    const logLevel = meta?.[META.logLevel];
    this.#logLevel = isLogLevel(logLevel) ? logLevel : undefined;
    const { method, params, paramHeaders, timeoutMs, dialogue } = forwarding;
    this.#deadline = setTimeout(() => this.#onDeadline(timeoutMs), timeoutMs);
    this.#exchange = forwarding.downstream.request(
      {
        method,
        params,
        progress: this.#progressToken !== undefined,
        paramHeaders,
        capabilities: dialogue?.capabilities,
        answers: dialogue?.answers,
        logLevel: this.#logLevel,
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
    if (this.#ended) return;
    try {
      if (message.method === 'notifications/message') this.#passLog(message);
      else this.#passProgress(message);
    } catch {
      // Nested too deep to be written: no loss to the call.
    }
  }

  #passLog(message: Notification): void {
    // Spec 2026-07-28: who names no level hears nothing.
    if (this.#logLevel !== undefined && isAtLeast(message.params?.level, this.#logLevel)) {
      this.#back.notify(message);
    }
  }

  #passProgress(message: Notification): void {
    if (this.#progressToken === undefined) return;
    const { progress } = message.params ?? {};
    // The specification has it increase; what does not is no news to the caller.
    if (typeof progress !== 'number' || progress <= this.#lastProgress) return;
    this.#lastProgress = progress;
    this.#back.notify({ ...message, params: { ...message.params, progressToken: this.#progressToken } });
  }

  onOutcome(outcome: Outcome): void {
    const { downstream, shape, dialogue } = this.#forwarding;
    let shaped: Outcome | DownstreamFailure = outcome;
    if ('result' in outcome) {
      const { result } = outcome;
      const type = result.resultType ?? 'complete';
      try {
        // Every other type is invalid in this revision.
        if (type === 'input_required') shaped = dialogue?.ask(result) ?? asksForInput(downstream.key);
        else if (type !== 'complete') shaped = asksForInput(downstream.key);
        else if (shape !== undefined) shaped = { result: shape(result) };
      } catch (cause) {
        shaped = notMcp(downstream.key, 'nested too deep', cause);
      }
    }
    if (shaped instanceof DownstreamFailure) this.onFailure(shaped);
    else if (this.#end()) this.#back.answer(shaped);
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

function isToken(value: unknown): value is RequestId {
  return typeof value === 'string' || typeof value === 'number';
}
