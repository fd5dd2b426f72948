import { outgoingArguments } from '../catalog/arguments.ts';
import type { ToolRoute } from '../catalog/view.ts';
import type { Exchange, Receiver } from '../downstream/link.ts';
import { asksForInput, type DownstreamFailure, deadlinePassed, notMcp, unavailable } from '../errors.ts';
import type { Notification, Outcome, Params, RequestId } from '../protocol/messages.ts';
import { writeParamHeaders } from '../protocol/param-headers.ts';
import { passedOnMeta } from './meta.ts';
import { shapeResult } from './shape-result.ts';

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
 * Forwards one tools/call along its route: the original name, the arguments as its rules have them, of `_meta` only what
 * may go on. It ends with an answer shaped for the route's profile, a failure or a cancellation, and no later than the
 * route's `callTimeoutMs`.
 */
export function forwardCall(route: ToolRoute, params: Params, back: WayBack): RunningCall {
  return new ForwardedCall(route, params, back);
}

class ForwardedCall implements Receiver, RunningCall {
  readonly #route: ToolRoute;
  readonly #back: WayBack;
  readonly #progressToken: RequestId | undefined;
  readonly #deadline: NodeJS.Timeout;
  readonly #exchange: Exchange;
  #lastProgress = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor(route: ToolRoute, params: Params, back: WayBack) {
    this.#route = route;
    this.#back = back;
    this.#progressToken = progressTokenOf(params);
    const { callTimeoutMs, argumentRules, paramHeaders } = route;
    const outgoing = outgoingParams(params, route.originalName);
    if (argumentRules !== undefined) outgoing.arguments = outgoingArguments(params.arguments, argumentRules);
    this.#deadline = setTimeout(() => this.#onDeadline(callTimeoutMs), callTimeoutMs);
    this.#exchange = route.downstream.request(
      {
        method: 'tools/call',
        params: outgoing,
        progress: this.#progressToken !== undefined,
        ...(paramHeaders.length > 0 && {
          paramHeaders: writeParamHeaders(paramHeaders, outgoing.arguments),
        }),
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
    const { downstream, profile } = this.#route;
    if (unfinished) return this.onFailure(asksForInput(downstream.key));
    let shaped = outcome;
    if ('result' in outcome && (profile.results !== 'unchanged' || profile.maxResultChars !== undefined)) {
      try {
        shaped = { result: shapeResult(outcome.result, profile) };
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
    const { downstream, exposedName } = this.#route;
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

/** What does not go on as it is. Answers to questions and task requests belong to features that were declared to nobody. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set([
  '_meta',
  'inputResponses',
  'requestState',
  'task',
  '__proto__',
]);

function outgoingParams(params: Params, name: string): Params {
  const outgoing: Params = {};
  for (const key of Object.keys(params)) if (!NOT_PASSED_ON.has(key)) outgoing[key] = params[key];
  outgoing.name = name;
  const meta = passedOnMeta(params);
  if (meta !== undefined) outgoing._meta = meta;
  return outgoing;
}
