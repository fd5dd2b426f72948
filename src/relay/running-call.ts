import type { Sink } from '../downstream/link.ts';
import type { DownstreamFailure } from '../errors.ts';
import type { LogLevel } from '../protocol/log-levels.ts';
import type { Notification, Outcome, RequestId } from '../protocol/messages.ts';
import type { Answered, Question } from '../protocol/questions.ts';

/** The way back to the one caller whose call it is. What is given here leaves in this order. */
export interface WayBack {
  /** Whose it is, told apart by identity; undefined where nothing tells it from another's. */
  readonly caller?: object | undefined;
  /** Its connection has ended: nothing that is given here is heard. Absent where that is not known. */
  readonly isGone?: boolean;
  /** From which level on it wants to hear what is logged; `all` where it has not said. */
  readonly logLevel: LogLevel | 'all' | undefined;
  readonly progressToken: RequestId | undefined;
  notify(message: Notification): void;
  /**
   * Puts a question to the caller while its call runs, and gives what takes it back. Absent where a question ends the
   * round: the caller repeats its request with the answer.
   */
  ask?(question: Question, answered: Answered): (() => void) | undefined;
  /** As `onLarge` of a receiver. Absent, and undefined, where the caller is given results as a whole. */
  sink?(isComplete: boolean, goOn: () => void): Sink | undefined;
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
  /**
   * Its caller hears nothing more.
   *
   * @param cancels  which means that it is not wanted any more; else it is to be done all the same
   */
  callerLeft(cancels: boolean): void;
}

export interface ForwardedRequest extends RunningCall {
  /** False while the downstream cannot have heard of it. */
  readonly hasBegun: boolean;
  /** Where it waits for its caller to come back with an answer: nobody will. */
  giveUp(): void;
}
