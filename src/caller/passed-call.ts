import type { Sink } from '../downstream/link.ts';
import type { DownstreamFailure } from '../errors.ts';
import type { Notification, Outcome, Params, Request, RequestId } from '../protocol/messages.ts';
import { isRequestId } from '../protocol/messages.ts';
import { COMPLETE } from '../protocol/written-answer.ts';
import type { Forwarding } from '../relay/asking.ts';
import type { RunningCall, WayBack } from '../relay/running-call.ts';
import { resultHead, statusOf, toOutcome, writeGuarded } from './answers.ts';
import type { Caller, Reply, ReplySink } from './caller.ts';
import type { CallObserver } from './observing/observed.ts';
import { askerOf, awaitAddresses, logLevelOf } from './request-facts.ts';

/** What all calls that are passed on have in common. */
export interface PassedCalls {
  readonly observer: CallObserver;
  /** Takes secrets out of what a failure says. */
  redact(text: string): string;
  /** Those that have not ended. */
  running: number;
}

/** What follows a result. */
const TAIL = '}';

/** One request that a downstream answers, from its caller's side. */
export class PassedCall implements WayBack {
  readonly #shared: PassedCalls;
  readonly #forwarding: Forwarding;
  readonly #request: Request;
  readonly #from: Caller;
  readonly #reply: Reply;
  readonly #startedAt: number;
  #call: RunningCall | undefined;
  /** Where a result goes that goes on in pieces, and how much of it has gone. */
  #sink: ReplySink | undefined;
  #sentBytes = 0;
  readonly caller: WayBack['caller'];
  readonly logLevel: WayBack['logLevel'];
  readonly progressToken: RequestId | undefined;
  readonly ask?: NonNullable<WayBack['ask']>;

  /** @throws ProtocolError -32602 an unknown log level */
  constructor(
    shared: PassedCalls,
    forwarding: Forwarding,
    request: Request,
    from: Caller,
    reply: Reply,
    startedAt = performance.now(),
  ) {
    const meta = request.params?._meta as Params | undefined;
    const { era, session } = from;
    this.#shared = shared;
    this.#forwarding = forwarding;
    this.#request = request;
    this.#from = from;
    this.#reply = reply;
    this.#startedAt = startedAt;
    this.caller = session;
    this.logLevel = logLevelOf(meta, from);
    this.progressToken = isRequestId(meta?.progressToken) ? meta.progressToken : undefined;
    if (era === 'legacy' && session?.capabilities !== undefined)
      this.ask = askerOf(session, forwarding, reply);
    shared.running++;
    shared.observer.onStarted(forwarding);
  }

  /** It runs as this. */
  begun(call: RunningCall): void {
    const { era, session } = this.#from;
    this.#call = call;
    session?.addCall(this.#request.id, call);
    this.#reply.running(() => {
      // Spec 2026-07-28: a closed stream MUST be taken as cancellation. 2025-11-25 and before: it SHOULD NOT be.
      call.callerLeft(era === 'modern');
    });
  }

  get isGone(): boolean {
    return this.#reply.isGone;
  }

  notify(message: Notification): void {
    this.#reply.notify(message);
  }

  sink(isComplete: boolean, goOn: () => void): Sink | undefined {
    const isModern = this.#from.era === 'modern';
    // What of it a legacy caller would not understand is known at its end alone.
    if (isComplete && !isModern) return undefined;
    const lacksType = isModern && !isComplete;
    const head = resultHead(this.#request.id) + (lacksType ? COMPLETE : '');
    const sink = this.#reply.sink?.(head, TAIL, goOn);
    if (sink === undefined) return undefined;
    this.#sink = sink;
    this.#sentBytes = Buffer.byteLength(head);
    let skip = lacksType ? 1 : 0;
    return {
      write: (piece) => {
        const rest = piece.subarray(skip);
        skip = 0;
        this.#sentBytes += rest.length;
        return sink.write(rest);
      },
    };
  }

  answer(outcome: Outcome): void {
    this.#end(outcome, undefined);
  }

  fail(failure: DownstreamFailure): void {
    // It may name a host or a type that a downstream has chosen.
    failure.message = this.#shared.redact(failure.message);
    this.#end(toOutcome(failure, this.#from.era, this.#forwarding), failure);
  }

  cancelled(): void {
    this.#leave();
    if (this.#sink === undefined) this.#reply.abandon();
    else this.#sink.cut();
    this.#tell(undefined, undefined, this.#sentBytes);
  }

  #end(outcome: Outcome, failure: DownstreamFailure | undefined): void {
    const { era, session } = this.#from;
    this.#leave();
    if (this.#sink !== undefined) {
      // What has been sent of it cannot be taken back.
      if (failure !== undefined) this.#sink.cut();
      else this.#sink.end();
      const bytes = this.#sentBytes + (failure === undefined ? TAIL.length : 0);
      return this.#tell(outcome, failure, bytes);
    }
    if (era === 'legacy' && 'error' in outcome) awaitAddresses(outcome.error, this.#forwarding, session);
    const json = writeGuarded(this.#request.id, outcome, era, this.#forwarding);
    this.#tell(outcome, failure, this.#reply.end(json, statusOf(outcome, era)));
  }

  #leave(): void {
    this.#shared.running--;
    this.#from.session?.removeCall(this.#request.id, this.#call);
  }

  #tell(outcome: Outcome | undefined, failure: DownstreamFailure | undefined, bytes: number): void {
    this.#shared.observer.onEnded({
      request: this.#request,
      caller: this.#from,
      forwarding: this.#forwarding,
      ms: performance.now() - this.#startedAt,
      outcome,
      failure,
      bytes,
    });
  }
}
