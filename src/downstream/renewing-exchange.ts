import type { DownstreamFailure } from '../errors.ts';
import type { Notification, Outcome } from '../protocol/messages.ts';
import type { Answered, Question } from '../protocol/questions.ts';
import type { Connection } from './connection.ts';
import type { Exchange, OutgoingRequest, Receiver } from './link.ts';

/** Where an exchange gets its connections from. */
export interface Renewal {
  connection(): Connection | undefined;
  connectionAfter(lost: Connection | undefined): Promise<Connection> | undefined;
  unavailable(): DownstreamFailure;
  /** The request with other headers, as the tools that are listed now want them; undefined where they want no others. */
  refreshed(request: OutgoingRequest): Promise<OutgoingRequest | undefined>;
  /** The connection gave an answer that its downstream should not give: is it still what it was? */
  doubt(connection: Connection): void;
}

/** One request, sent as often as twice: the second time only if the first cannot have led to any work. */
export class RenewingExchange implements Exchange, Receiver {
  #request: OutgoingRequest;
  readonly #receiver: Receiver;
  readonly #renewal: Renewal;
  #used: Connection | undefined;
  #inner: Exchange | undefined;
  #mayRenew = true;
  #cancelled = false;

  constructor(request: OutgoingRequest, receiver: Receiver, renewal: Renewal) {
    this.#request = request;
    this.#receiver = receiver;
    this.#renewal = renewal;
    const connection = renewal.connection();
    if (connection === undefined) this.#renew(renewal.unavailable());
    else this.#send(connection);
  }

  get hasBegun(): boolean {
    return this.#inner?.hasBegun ?? false;
  }

  cancel(reason: string): void {
    this.#cancelled = true;
    this.#inner?.cancel(reason);
  }

  onNotification(message: Notification): void {
    this.#receiver.onNotification(message);
  }

  onQuestion(question: Question, answered: Answered): (() => void) | undefined {
    return this.#receiver.onQuestion?.(question, answered);
  }

  onOutcome(outcome: Outcome): void {
    this.#receiver.onOutcome(outcome);
  }

  onFailure(failure: DownstreamFailure): void {
    const isCurable = failure.reason === 'session_lost' || failure.reason === 'unavailable';
    if (isCurable && this.#mayRenew) return this.#renew(failure);
    if (failure.reason === 'headers_refused' && this.#mayRenew) return this.#refresh(failure);
    if (failure.reason === 'bad_answer' && this.#used !== undefined) this.#renewal.doubt(this.#used);
    this.#receiver.onFailure(failure);
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
      if (this.#cancelled) return;
      if (request === undefined || connection === undefined) return this.#receiver.onFailure(failure);
      this.#request = request;
      this.#send(connection);
    });
  }

  #renew(failure: DownstreamFailure): void {
    this.#mayRenew = false;
    const next = this.#renewal.connectionAfter(this.#used);
    if (next === undefined) return this.#receiver.onFailure(failure);
    next.then(
      (connection) => {
        if (!this.#cancelled) this.#send(connection);
      },
      () => {
        if (!this.#cancelled) this.#receiver.onFailure(this.#renewal.unavailable());
      },
    );
  }
}
