import { DownstreamFailure } from '../../errors.ts';
import type { Notification, Outcome } from '../../protocol/messages.ts';
import type { Answered, Question } from '../../protocol/questions.ts';
import type { Connection } from '../connection.ts';
import type { Exchange, OutgoingRequest, Receiver, Sink } from '../link.ts';
import type { RetryBudget } from './retry-budget.ts';
import { pauseBefore, RETRY_RULES } from './retry-rules.ts';

/** Where an exchange gets its connections from. */
export interface Renewal {
  connection(): Connection | undefined;
  connectionAfter(lost: Connection | undefined): Promise<Connection> | undefined;
  unavailable(): DownstreamFailure;
  /** The request with other headers, as the tools that are listed now want them; undefined where they want no others. */
  refreshed(request: OutgoingRequest): Promise<OutgoingRequest | undefined>;
  /** The connection gave an answer that its downstream should not give: is it still what it was? */
  doubt(connection: Connection): void;
  readonly budget: RetryBudget;
}

/** One request, sent again where `RETRY_RULES` lets it. The only place that sends anything twice. */
export class RenewingExchange implements Exchange, Receiver {
  #request: OutgoingRequest;
  readonly #receiver: Receiver;
  readonly #renewal: Renewal;
  #used: Connection | undefined;
  #inner: Exchange | undefined;
  /** At an earlier attempt: whatever becomes of the next one. */
  #mayHaveRun = false;
  #mayRenew = true;
  #retries = 0;
  #holdsBudget = false;
  #pause: NodeJS.Timeout | undefined;
  #over = false;
  /** Its result goes to its caller in pieces, which cannot be taken back. */
  #isSending = false;

  constructor(request: OutgoingRequest, receiver: Receiver, renewal: Renewal) {
    this.#request = request;
    this.#receiver = receiver;
    this.#renewal = renewal;
    renewal.budget.active++;
    const connection = renewal.connection();
    if (connection === undefined) this.#renew(renewal.unavailable());
    else this.#send(connection);
  }

  get isOwn(): boolean {
    return this.#receiver.isOwn === true;
  }

  get caller(): object | undefined {
    return this.#receiver.caller;
  }

  get timeLeftMs(): number {
    return this.#receiver.timeLeftMs ?? 0;
  }

  get hasBegun(): boolean {
    return this.#mayHaveRun || this.#inner?.hasBegun === true;
  }

  cancel(reason: string): void {
    if (!this.#end()) return;
    clearTimeout(this.#pause);
    this.#inner?.cancel(reason);
  }

  onNotification(message: Notification): void {
    this.#receiver.onNotification(message);
  }

  onQuestion(question: Question, answered: Answered): (() => void) | undefined {
    return this.#receiver.onQuestion?.(question, answered);
  }

  onLarge(isComplete: boolean, goOn: () => void): Sink | undefined {
    const sink = this.#over ? undefined : this.#receiver.onLarge?.(isComplete, goOn);
    this.#isSending ||= sink !== undefined;
    return sink;
  }

  onDoubt(): void {
    if (this.#used !== undefined) this.#renewal.doubt(this.#used);
  }

  onOutcome(outcome: Outcome): void {
    if (this.#end()) this.#receiver.onOutcome(outcome);
  }

  onFailure(told: DownstreamFailure): void {
    if (this.#over) return;
    const failure = this.#mayHaveRun ? afterSent(told) : told;
    const { reason } = failure;
    this.#mayHaveRun = failure.mayHaveRun;
    const isOdd = reason === 'bad_answer' || reason === 'server_error';
    if (isOdd && this.#used?.link.era === 'modern') this.onDoubt();
    if (this.#isSending) return this.#fail(failure);
    // What was refused is as good as never sent.
    if (!told.mayHaveRun) this.#inner = undefined;
    const step = RETRY_RULES[reason][this.#request.repeatability ?? 'once'];
    if (step === 'renew' && this.#mayRenew) return this.#renew(failure);
    if (step === 'refresh' && this.#mayRenew) return this.#refresh(failure);
    const pauseMs = pauseBefore(step, this.#retries, failure.retryAfterMs);
    if (pauseMs === undefined || pauseMs >= this.timeLeftMs || !this.#takeBudget())
      return this.#fail(failure);
    this.#retries++;
    this.#pause = setTimeout(() => this.#sendAgain(failure), pauseMs);
  }

  #send(connection: Connection): void {
    this.#used = connection;
    this.#inner = connection.link.request(this.#request, this);
  }

  /** Spec 2026-07-28: what its tools want in headers may have changed since they were listed. */
  #refresh(failure: DownstreamFailure): void {
    this.#mayRenew = false;
    this.#renewal.refreshed(this.#request).then((request) => {
      const connection = this.#renewal.connection();
      if (this.#over) return;
      if (request === undefined || connection === undefined) return this.#fail(failure);
      this.#request = request;
      this.#send(connection);
    });
  }

  #renew(failure: DownstreamFailure): void {
    this.#mayRenew = false;
    if (failure.reason === 'session_lost') this.#request = { ...this.#request, isResent: true };
    this.#sendOver(this.#renewal.connectionAfter(this.#used), failure);
  }

  #sendAgain(failure: DownstreamFailure): void {
    const connection = this.#renewal.connection();
    if (connection !== undefined) return this.#send(connection);
    // What failed tells more than that there is no connection now.
    this.#sendOver(this.#renewal.connectionAfter(undefined), failure);
  }

  #sendOver(next: Promise<Connection> | undefined, failure: DownstreamFailure): void {
    if (next === undefined) return this.#fail(failure);
    next.then(
      (connection) => {
        if (!this.#over) this.#send(connection);
      },
      () => {
        const tellsMore = failure.mayHaveRun || refusalIn(failure) !== undefined;
        this.#fail(tellsMore ? failure : this.#renewal.unavailable());
      },
    );
  }

  #takeBudget(): boolean {
    this.#holdsBudget ||= this.#renewal.budget.take();
    return this.#holdsBudget;
  }

  #fail(failure: DownstreamFailure): void {
    const said = refusalIn(failure) ?? failure;
    if (this.#end()) this.#receiver.onFailure(failure.mayHaveRun ? afterSent(said) : said);
  }

  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    const { budget } = this.#renewal;
    budget.active--;
    if (this.#holdsBudget) budget.giveBack();
    return true;
  }
}

/** The same of a request that had been sent before, and may have run then. */
export function afterSent(failure: DownstreamFailure): DownstreamFailure {
  if (failure.mayHaveRun) return failure;
  const { downstream, reason, what, cause, retryAfterMs } = failure;
  return new DownstreamFailure(downstream, reason, what, true, { cause, retryAfterMs });
}

/** What might have meant a lost session meant what it says where no new one is to be had, or the session was new. */
const refusalIn = ({ cause }: DownstreamFailure) =>
  cause instanceof DownstreamFailure && cause.reason === 'refused' ? cause : undefined;
