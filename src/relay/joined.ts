import type { DownstreamFailure } from '../errors.ts';
import type { Outcome } from '../protocol/messages.ts';
import type { RunningCall, WayBack } from './running-call.ts';

/** How a call ended. */
export type End = { readonly outcome: Outcome } | { readonly failure: DownstreamFailure };

/** What its callers tell a call. */
interface SharedCall {
  cancelledBy(caller: Joined, reason: string): void;
  leftBy(caller: Joined, cancels: boolean): void;
  notHeardBy(caller: Joined, end: End): void;
}

/** One caller of a call that it may share. */
export class Joined implements RunningCall {
  readonly back: WayBack;
  readonly #call: SharedCall;
  /** Its connection is lost, and it wants the call done all the same. */
  isGone = false;
  /** What it was told. */
  end: End | undefined;
  hasEnded = false;

  constructor(call: SharedCall, back: WayBack) {
    this.#call = call;
    this.back = back;
  }

  cancel(reason: string): void {
    if (!this.hasEnded) this.#call.cancelledBy(this, reason);
  }

  callerLeft(cancels: boolean): void {
    if (!this.hasEnded) this.#call.leftBy(this, cancels);
    else if (this.end !== undefined) this.#call.notHeardBy(this, this.end);
  }

  tell(end: End): void {
    this.hasEnded = true;
    this.end = end;
    if ('outcome' in end) this.back.answer(end.outcome);
    else this.back.fail(end.failure);
  }

  drop(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.back.cancelled();
  }
}
