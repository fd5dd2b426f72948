import type { Limits } from '../../config/config.ts';
import { busy, type DownstreamFailure } from '../../errors.ts';
import type { Notification, Outcome } from '../../protocol/messages.ts';
import type { Answered, Question } from '../../protocol/questions.ts';
import type { Exchange, OutgoingRequest, Receiver, Sink } from '../link.ts';
import { type Breaker, judgeFailure } from './breaker.ts';

interface GateOptions {
  readonly key: string;
  /** In force now. */
  readonly limits: Pick<Limits, 'maxInFlight' | 'maxQueue'>;
  readonly breaker: Breaker;
  /** Why there is nothing to send to, where that is known already. */
  away(): DownstreamFailure | undefined;
  send(request: OutgoingRequest, receiver: Receiver): Exchange;
}

/**
 * What every request of callers to one downstream passes, whatever carries it: so many run at once, so many wait for
 * one of them to end, in order, and the next one hears at once that there is no room.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #waiting = new Set<Passage>();
  #running = 0;
  #isFilling = false;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** How many run or wait. */
  get size(): number {
    return this.#running + this.#waiting.size;
  }

  request(request: OutgoingRequest, receiver: Receiver): Exchange {
    const { key, limits, breaker, away } = this.#options;
    const { maxInFlight, maxQueue } = limits;
    const hasRoom = this.#running < maxInFlight && this.#waiting.size === 0;
    const passage = new Passage(this, this.#options, request, receiver);
    const refusal = away() ?? breaker.refusal();
    if (refusal !== undefined) passage.refuse(refusal);
    else if (!hasRoom && this.#waiting.size >= maxQueue) passage.refuse(busy(key, maxInFlight, maxQueue));
    else {
      if (breaker.isOpen) passage.beProbe();
      if (hasRoom) this.#start(passage);
      else this.#queue(passage);
    }
    return passage;
  }

  #start(passage: Passage): void {
    this.#running++;
    passage.start();
  }

  #queue(passage: Passage): void {
    passage.hasWaited = true;
    this.#waiting.add(passage);
  }

  /** It no longer waits. */
  leave(passage: Passage): void {
    this.#waiting.delete(passage);
  }

  /** One that ran has ended. */
  release(): void {
    this.#running--;
    if (this.#waiting.size === 0 || this.#isFilling) return;
    this.#isFilling = true;
    // A moment later: where a burst of calls is given up at its deadline, those that wait are about to be as well, and
    // what is sent now would be told to them as one that may have run.
    setImmediate(() => {
      this.#isFilling = false;
      this.fill();
    });
  }

  /** Those that wait and for which there is room, also since its limits are others. */
  fill(): void {
    while (this.#waiting.size > 0 && this.#running < this.#options.limits.maxInFlight) {
      const next = this.#waiting.values().next().value as Passage;
      this.#waiting.delete(next);
      this.#start(next);
    }
  }

  /** Nothing more is sent for a while: those that wait hear so. */
  turnAway(failure: DownstreamFailure | undefined): void {
    if (failure === undefined) return;
    const turnedAway = [...this.#waiting];
    this.#waiting.clear();
    for (const passage of turnedAway) passage.refuse(failure);
  }
}

/** One request on its way through. */
class Passage implements Exchange, Receiver {
  readonly #gate: Gate;
  readonly #options: GateOptions;
  readonly #request: OutgoingRequest;
  readonly #receiver: Receiver;
  /** Undefined while it waits. */
  #exchange: Exchange | undefined;
  #state: 'waiting' | 'running' | 'over' = 'waiting';
  #isProbe = false;
  hasWaited = false;

  constructor(gate: Gate, options: GateOptions, request: OutgoingRequest, receiver: Receiver) {
    this.#gate = gate;
    this.#options = options;
    this.#request = request;
    this.#receiver = receiver;
  }

  get caller(): object | undefined {
    return this.#receiver.caller;
  }

  get timeLeftMs(): number {
    return this.#receiver.timeLeftMs ?? 0;
  }

  get hasBegun(): boolean {
    return this.#exchange?.hasBegun ?? false;
  }

  beProbe(): void {
    this.#isProbe = true;
    this.#options.breaker.beginProbe();
  }

  /** From now on its end is that of any other: another one may be the probe by then. */
  #beNoProbe(): void {
    if (!this.#isProbe) return;
    this.#isProbe = false;
    this.#options.breaker.endProbe();
  }

  /** The server is at work on it, which may take long: the others need not wait for its end to know that it answers. */
  #isWorkedOn(): void {
    if (!this.#isProbe) return;
    this.#options.breaker.answered();
    this.#beNoProbe();
  }

  start(): void {
    this.#state = 'running';
    this.#exchange = this.#options.send(this.#request, this);
  }

  refuse(failure: DownstreamFailure): void {
    this.#state = 'over';
    this.#beNoProbe();
    this.#receiver.onFailure(failure);
  }

  cancel(reason: string, isLate = false): void {
    if (this.#state === 'over') return;
    const verdict = isLate && this.hasBegun ? 'broken' : 'unknown';
    this.#exchange?.cancel(reason);
    this.#end(verdict);
  }

  onNotification(message: Notification): void {
    // What is logged may be about another request, where they share a channel.
    if (message.method === 'notifications/progress') this.#isWorkedOn();
    this.#receiver.onNotification(message);
  }

  onQuestion(question: Question, answered: Answered): (() => void) | undefined {
    this.#isWorkedOn();
    return this.#receiver.onQuestion?.(question, answered);
  }

  onLarge(isComplete: boolean, goOn: () => void): Sink | undefined {
    return this.#receiver.onLarge?.(isComplete, goOn);
  }

  onOutcome(outcome: Outcome): void {
    this.#end('well');
    this.#receiver.onOutcome(outcome);
  }

  onFailure(failure: DownstreamFailure): void {
    this.#end(judgeFailure(failure));
    this.#receiver.onFailure(failure);
  }

  #end(verdict: 'broken' | 'well' | 'unknown'): void {
    const wasRunning = this.#state === 'running';
    this.#state = 'over';
    const { breaker } = this.#options;
    if (verdict === 'well') breaker.answered();
    const isOpened = verdict === 'broken' && breaker.failed(this.#isProbe);
    this.#beNoProbe();
    if (isOpened) this.#gate.turnAway(breaker.refusal());
    if (wasRunning) this.#gate.release();
    else this.#gate.leave(this);
  }
}
