import type { Sink } from '../downstream/link.ts';
import { type DownstreamFailure, ranBefore } from '../errors.ts';
import type { Notification, Outcome, RequestId } from '../protocol/messages.ts';
import { afterRounds } from './after-rounds.ts';
import type { Forwarding } from './asking.ts';
import { type Elsewhere, tellOthers } from './elsewhere.ts';
import { forward } from './forward.ts';
import { type End, Joined } from './joined.ts';
import { wantsLog } from './notices.ts';
import type { ForwardedRequest, RunningCall, WayBack } from './running-call.ts';
import { keyOf, type Same, SameCalls, sameOf } from './same-calls.ts';
import { Unheard } from './unheard.ts';

/**
 * Calls that their callers repeat. OpenAI gives up on a call after a minute, closes the connection, and sends the same
 * once more without a word; others do so when a proxy cuts them. What may write is not run twice for that: the repetition
 * joins the call that runs, or gets the result that nobody was there to hear.
 */
export interface Repeats {
  /** As `forward`, for one of the calls that this caller makes. `caller` tells it from others. */
  forward(forwarding: Forwarding, back: WayBack, caller: string): RunningCall;
  /** The process that runs the same call of this caller, where this one is `here`; undefined where none does. */
  placeOf(forwarding: Forwarding, caller: string, here: number): number | undefined;
  close(): void;
}

/** After its stream was closed a call may be repeated for so long before it is cancelled. */
const LEAVE_MS = 500;

/**
 * A caller that has waited for so long, or came twice, may be about to go: what has arrived of the end of its connection is
 * read before it is answered, or the answer would be lost to it.
 */
const PATIENT_MS = 1000;

/** @param elsewhere  absent where there are no other processes */
export function createRepeats(elsewhere?: Elsewhere): Repeats {
  const calls = new SameCalls<JoinedCall>();
  const unheard = new Unheard<JoinedCall>();
  const tellings = elsewhere === undefined ? undefined : tellOthers(calls, elsewhere);
  return {
    forward(forwarding, back, caller) {
      const same = sameOf(forwarding, caller);
      if (same === undefined) return forward(forwarding, back);
      const known = calls.find(same);
      if (known !== undefined) return known.join(back);
      return new JoinedCall(same, forwarding, calls, unheard).begin(back);
    },
    placeOf(forwarding, caller, here) {
      const same = sameOf(forwarding, caller);
      if (same === undefined) return undefined;
      return calls.find(same) === undefined ? elsewhere?.find(keyOf(same)) : here;
    },
    close() {
      clearInterval(tellings);
      unheard.close();
    },
  };
}

/** One call, and the callers that wait for it. To the relay it is the way back to one. */
class JoinedCall implements WayBack {
  readonly same: Same;
  readonly #forwarding: Forwarding;
  readonly #calls: SameCalls<JoinedCall>;
  readonly #unheard: Unheard<JoinedCall>;
  #callers: Joined[] = [];
  #call: ForwardedRequest | undefined;
  #hasEnded = false;
  beganAt = 0;
  #wasRepeated = false;
  /** Its result goes to its one caller in pieces, and is not kept. */
  #isSending = false;
  /** How it ended, while its callers are about to be told. */
  #toTell: End | undefined;
  #turn = 0;
  /** Its last caller closed the stream; it is cancelled then. */
  #leaving: NodeJS.Timeout | undefined;
  #asked: Joined | undefined;
  caller: WayBack['caller'];
  logLevel: WayBack['logLevel'];
  progressToken: RequestId | undefined;
  ask?: NonNullable<WayBack['ask']>;

  constructor(
    same: Same,
    forwarding: Forwarding,
    calls: SameCalls<JoinedCall>,
    unheard: Unheard<JoinedCall>,
  ) {
    this.same = same;
    this.#forwarding = forwarding;
    this.#calls = calls;
    this.#unheard = unheard;
  }

  begin(back: WayBack): RunningCall {
    this.caller = back.caller;
    this.logLevel = back.logLevel;
    this.progressToken = back.progressToken;
    this.beganAt = performance.now();
    if (back.ask !== undefined) this.ask = (...asked) => this.#askOne(...asked);
    const joined = new Joined(this, back);
    this.#callers.push(joined);
    this.#calls.add(this);
    this.#call = forward(this.#forwarding, this);
    return joined;
  }

  /** The same call came once more. */
  join(back: WayBack): RunningCall {
    const joined = new Joined(this, back);
    if (this.#isSending) {
      joined.tell({ failure: this.#ranBefore() });
      return joined;
    }
    if (!this.#hasEnded) {
      clearTimeout(this.#leaving);
      this.#wasRepeated = true;
      // It takes over from who was cut off: of one that comes and goes all the time there would be more and more.
      for (const caller of this.#callers) if (caller.back.isGone === true) this.#remove(caller);
      this.#callers.push(joined);
      // Who comes while the others are about to be told is given the same time to be gone.
      if (this.#toTell !== undefined) this.#tellSoon(this.#toTell);
      return joined;
    }
    const end = this.#unheard.take(this);
    if (end === undefined) {
      joined.tell({ failure: this.#ranBefore() });
    } else {
      this.#hasEnded = false;
      this.#callers = [joined];
      this.#tellSoon(end);
    }
    return joined;
  }

  #ranBefore(): DownstreamFailure {
    const { downstream, exposedName } = this.#forwarding;
    return ranBefore(downstream.key, exposedName);
  }

  sink(isComplete: boolean, goOn: () => void): Sink | undefined {
    const [only, ...others] = this.#callers;
    if (only === undefined || only.isGone || others.length > 0 || this.#wasRepeated) return undefined;
    const sink = only.back.sink?.(isComplete, goOn);
    this.#isSending = sink !== undefined;
    return sink;
  }

  cancelledBy(caller: Joined, reason: string): void {
    if (this.#callers.some((each) => each !== caller && !each.isGone)) {
      this.#remove(caller);
      if (caller === this.#asked) this.#call?.callerLeft(false);
      return;
    }
    // Before the end of its stream: what it was asked is taken back on it.
    this.#call?.cancel(reason);
    // It may have ended just now, and then says nothing more.
    this.cancelled();
  }

  leftBy(caller: Joined, cancels: boolean): void {
    if (cancels) {
      this.#remove(caller);
      if (this.#callers.length === 0) return this.#leave();
    } else {
      // Where only its session has ended, its connection is there, and brings it the answer.
      caller.isGone = caller.back.isGone !== false;
    }
    if (caller === this.#asked || this.#callers.every(({ isGone }) => isGone)) this.#call?.callerLeft(false);
  }

  #leave(): void {
    const { repeatGraceMs } = this.#forwarding.downstream.config;
    const isJoinable = this.#calls.find(this.same) === this && repeatGraceMs > 0;
    if (isJoinable) this.#leaving = setTimeout(() => afterRounds(() => this.#cancelLeft()), LEAVE_MS);
    else this.#cancelUnheard();
  }

  #cancelLeft(): void {
    if (this.#callers.length === 0 && !this.#hasEnded) this.#cancelUnheard();
  }

  #cancelUnheard(): void {
    const mayHaveRun = this.#call?.hasBegun === true;
    this.#call?.callerLeft(true);
    if (mayHaveRun) this.keep(undefined);
  }

  notify(message: Notification): void {
    const isProgress = message.method === 'notifications/progress';
    for (const { back } of this.#callers) {
      if (!isProgress) {
        if (wantsLog(back, message)) back.notify(message);
      } else if (back.progressToken === this.progressToken) back.notify(message);
      else if (back.progressToken !== undefined) {
        const { progressToken } = back;
        back.notify({ ...message, params: { ...message.params, progressToken } });
      }
    }
  }

  answer(outcome: Outcome): void {
    this.#end({ outcome });
  }

  fail(failure: DownstreamFailure): void {
    this.#end({ failure });
  }

  cancelled(): void {
    this.#hasEnded = true;
    this.forget();
    for (const caller of this.#callers) caller.drop();
  }

  #end(end: End): void {
    const isPatient = performance.now() - this.beganAt > PATIENT_MS;
    if (this.#wasRepeated || isPatient) this.#tellSoon(end);
    else this.#tell(end);
  }

  #tellSoon(end: End): void {
    const turn = ++this.#turn;
    this.#toTell = end;
    afterRounds(() => {
      if (turn === this.#turn) this.#tell(end);
    });
  }

  #tell(end: End): void {
    if (this.#hasEnded) return;
    this.#isSending = false;
    this.#hasEnded = true;
    this.#toTell = undefined;
    clearTimeout(this.#leaving);
    if (this.#callers.some(({ isGone }) => !isGone)) this.forget();
    else this.keep(end);
    for (const caller of this.#callers) caller.tell(end);
  }

  /** It was told, and its connection was lost before that had left. */
  notHeardBy(caller: Joined, end: End): void {
    caller.isGone = true;
    if (this.#callers.every(({ isGone }) => isGone)) this.keep(end);
  }

  /** Nobody has heard how it ended; undefined where that is not known. */
  keep(end: End | undefined): void {
    const { repeatGraceMs } = this.#forwarding.downstream.config;
    const hasRun = end === undefined || 'outcome' in end || end.failure.mayHaveRun;
    const known = this.#calls.find(this.same);
    if (!hasRun || repeatGraceMs === 0 || (known !== undefined && known !== this)) return this.expire();
    if (known === undefined) this.#calls.add(this);
    const isHere = end === undefined || 'failure' in end || !('isSent' in end.outcome);
    this.#unheard.keep(this, isHere ? end : undefined, keyOf(this.same).length, repeatGraceMs);
  }

  /** From now on the same call is another one. */
  forget(): void {
    this.#calls.remove(this);
  }

  /** Nobody has heard how it ended, nor will: where that was a question, nobody answers it. */
  expire(): void {
    this.forget();
    this.#call?.giveUp();
  }

  /** Who is asked is one of them, and who comes now is not told of it: from the first question on nobody joins. */
  #askOne(...asked: Parameters<NonNullable<WayBack['ask']>>): ReturnType<NonNullable<WayBack['ask']>> {
    this.forget();
    this.#asked = this.#callers.find(({ isGone }) => !isGone);
    return this.#asked?.back.ask?.(...asked);
  }

  #remove(caller: Joined): void {
    this.#callers = this.#callers.filter((each) => each !== caller);
    caller.drop();
  }
}
