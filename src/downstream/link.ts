import type { DownstreamFailure } from '../errors.ts';
import type { Era } from '../protocol/eras.ts';
import type { Extensions } from '../protocol/extensions.ts';
import type { LogLevel } from '../protocol/log-levels.ts';
import type { Notification, Outcome, Params } from '../protocol/messages.ts';
import type { Answered, Question } from '../protocol/questions.ts';
import type { Repeatability } from './passage/retry-rules.ts';

/** A request as the relay wants it asked. Ids, tokens, headers and envelope belong to the hop: the link adds them. */
export interface OutgoingRequest {
  method: string;
  params: Params;
  /** `params.arguments`, where they have been written already. */
  argumentsJson?: string | undefined;
  /** Ask for progress; it comes back through `onNotification`. */
  progress: boolean;
  /**
   * What the one who asks can be asked in turn. Downstreams of the modern era are told so, as they are the next two; to
   * one of the legacy era it goes over a connection that has declared this.
   */
  capabilities?: Params | undefined;
  /** Told to downstreams of the modern era: what both ends have. */
  extensions?: Extensions | undefined;
  /** `inputResponses` and `requestState` of a request that is repeated with answers. */
  answers?: Params | undefined;
  /** From which level on its caller wants to hear what the downstream logs meanwhile. */
  logLevel?: LogLevel | undefined;
  /** Whether it may be sent a second time; absent: `once`. */
  repeatability?: Repeatability | undefined;
  /** It was sent before, and refused for a session that was lost. */
  isResent?: true;
  /** Arguments mirrored into headers, name and value in turn; for links that have headers, of the modern era. */
  paramHeaders?: readonly string[] | undefined;
}

/** Who waits for a request's answer. Exactly one of `onOutcome` and `onFailure` is called, once, and last. */
export interface Receiver {
  /** Whose request it is, told apart by identity; undefined where nothing tells it from another's. */
  readonly caller?: object | undefined;
  /** The gateway asks for itself. */
  readonly isOwn?: boolean;
  /** What the downstream says about this very request on the way, in order. */
  onNotification(message: Notification): void;
  /**
   * A downstream of the legacy era wants to know something before it goes on. Absent where nobody can be asked.
   *
   * @returns  what takes the question back; undefined where it is refused
   */
  onQuestion?(question: Question, answered: Answered): (() => void) | undefined;
  /**
   * The result is large, and about to come: where it may go on piece by piece, this is where to. `onOutcome` follows at the
   * end, with a result that has nothing in it but `isError`. Absent where results are held.
   *
   * @param isComplete  it begins by saying so, as results of the modern era may
   * @param goOn        called when more is wanted, after `write` has said that it is enough
   */
  onLarge?(isComplete: boolean, goOn: () => void): Sink | undefined;
  /** What comes next is what a server of another era would say to a request of ours. */
  onDoubt?(): void;
  onOutcome(outcome: Outcome): void;
  onFailure(failure: DownstreamFailure): void;
  /** How long it still waits. Absent where it does not wait for a repetition, or for a stream to go on. */
  readonly timeLeftMs?: number;
}

/** Takes a result in pieces. */
export interface Sink {
  /** @returns false where it is enough for now */
  write(piece: Buffer): boolean;
}

export interface Exchange {
  /** False while the downstream cannot have heard of it: it waits for a connection. */
  readonly hasBegun: boolean;
  /** Others had their turn before it. Absent where nothing waits for its turn. */
  readonly hasWaited?: boolean;
  /**
   * Stops waiting and tells the downstream so, by the rule of its era. The receiver hears nothing more.
   *
   * @param isLate  the downstream took too long: nobody has changed their mind
   */
  cancel(reason: string, isLate?: boolean): void;
}

/** One established way to a downstream: an HTTP endpoint or a child's pipe, in the era and version found at connect. */
export interface Link {
  readonly era: Era;
  readonly version: string;
  /** Nothing binds what goes over it to this one: another process may have a link of its own beside it. */
  readonly isStateless: boolean;
  /** How many requests wait for their answer. */
  readonly running: number;
  request(request: OutgoingRequest, receiver: Receiver): Exchange;
  /**
   * Progress that did not come on the stream of its request, and what the downstream logs without saying to which request
   * it belongs: that is taken for that of the only one that runs, and for nobody's where several do, or where it may be of an
   * earlier one of another caller.
   */
  onStray(message: Notification): void;
  /** The same for a question; undefined where it is refused. */
  onStrayQuestion(question: Question, answered: Answered): (() => void) | undefined;
}
