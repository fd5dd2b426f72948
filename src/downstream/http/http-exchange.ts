import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import {
  cutOff,
  type DownstreamFailure,
  failedStatus,
  noAnswer,
  notMcp,
  sessionLost,
  tooLarge,
  unavailable,
} from '../../errors.ts';
import { type Message, type Notification, outcomeOf, RPC, type RpcError } from '../../protocol/messages.ts';
import { type Asked, createAsked } from '../asked.ts';
import type { Cap } from '../cap.ts';
import { describeCause, isMalformed } from '../causes.ts';
import type { Exchange, Receiver } from '../link.ts';
import { isProgressOf } from '../outgoing.ts';
import { Rests } from '../rests.ts';
import {
  type AnswerListener,
  type AnswerReader,
  createAnswerReader,
  type LargeReader,
} from './answer-reader.ts';
import type { HttpSide } from './http-side.ts';
import { judgeRefusal, judgeStatus, mayTellOfLostSession, tellsWhyRefused } from './judge-status.ts';
import { LARGE_BYTES, readLargeHead } from './large-result.ts';
import { type Holder, passLarge } from './pass-large.ts';
import { Resumption } from './resumption.ts';

/** An answered stream that its server leaves open is closed after this long: the connection is wanted elsewhere. */
const LINGER_MS = 1000;

/** One POST and what comes back on it. Whatever happens, its receiver is told, at once and once. */
export class HttpExchange implements Dispatcher.DispatchHandler, AnswerListener, Holder, Exchange {
  readonly #options: HttpSide;
  readonly id: number;
  readonly receiver: Receiver;
  /** Among those that run on its link. */
  place = 0;
  /** It is sent for the second time, in a new session. */
  readonly #isResent: boolean;
  #controller: Dispatcher.DispatchController | undefined;
  #reader: AnswerReader | undefined;
  #status = 0;
  #bytes = 0;
  /** What has come of a large result is still to be taken by its caller, or too many questions have come. */
  #isHeldBack = false;
  #settled = false;
  #sawOtherId = false;
  #linger: NodeJS.Timeout | undefined;
  #asked: Asked | undefined;
  #asides: Rests | undefined;
  /** Of a stream with places to go on from. */
  #resumption: Resumption | undefined;
  /** What its receiver hears if it cannot go on: that the request was sent is certain. */
  #wasCut: DownstreamFailure | undefined;

  constructor(options: HttpSide, id: number, receiver: Receiver, isResent: boolean) {
    this.#options = options;
    this.id = id;
    this.receiver = receiver;
    this.#isResent = isResent;
  }

  get hasBegun(): boolean {
    return this.#controller !== undefined;
  }

  get isOver(): boolean {
    return this.#settled;
  }

  cancel(reason: string): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#resumption?.cancel();
    this.#options.onOver(this, false);
    // Not sent yet: nobody has to be told.
    if (!this.hasBegun) return;
    this.#options.onCancel(this, reason, () => this.#controller?.abort(new Error(reason)));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Cancelled while it waited for a connection: not a byte goes out.
    if (this.#settled) controller.abort(new Error('cancelled'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return;
    this.#status = status;
    const { key, hasSession } = this.#options;
    const failure = judgeStatus(key, status, headers, hasSession);
    if (this.#wasCut !== undefined && (failure ?? status >= 400)) return this.fail(this.#wasCut);
    if (failure !== undefined) return this.fail(this.#unlessSessionLost(failure));
    this.#reader = createAnswerReader(headers, this.#options.limits, this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#reader?.feed(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes <= LARGE_BYTES || this.#settled) return;
    // Node reads on for as long as there is something; what has come for others meanwhile has its turn after each piece.
    controller.pause();
    if (!this.#isHeldBack) this.#goOn();
  }

  #goOn(): void {
    this.#isHeldBack = false;
    setImmediate(() => void (this.#settled || this.#controller?.resume()));
  }

  #rest(): void {
    this.#isHeldBack = true;
    this.#controller?.pause();
  }

  onResponseEnd(): void {
    clearTimeout(this.#linger);
    this.#reader?.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    clearTimeout(this.#linger);
    const { key } = this.#options;
    // Who gave it up meanwhile need not hear it, and those that come next would wait for nothing.
    if (this.#settled && !this.hasBegun) this.#options.onUnreachable(error);
    // Before a connection carried it, nothing was sent; afterwards nobody can know.
    if (this.#controller === undefined) this.fail(unavailable(key, describeCause(error), error));
    else this.#cut(isMalformed(error) ? this.#unreadable('malformed HTTP', error) : cutOff(key, error));
  }

  onLarge(held: Buffer): LargeReader | undefined {
    const head = this.#settled || this.#status !== 200 ? undefined : readLargeHead(held, this.id);
    // Whether it is an answer at all comes later.
    if (head === undefined || (this.#options.isModern && !head.isComplete)) return undefined;
    const sink = this.receiver.onLarge?.(head.isComplete, () => this.#goOn());
    return sink && passLarge(head, sink, this);
  }

  onEnough(): void {
    this.#isHeldBack = true;
  }

  onWhole(isError: boolean): void {
    this.#settle(true, () => this.receiver.onOutcome({ result: { isError }, isSent: true }));
  }

  onTooLarge({ bytes, limit }: Cap): void {
    this.fail(tooLarge(this.#options.key, bytes, limit));
  }

  onNonsense(what: string, cause?: unknown): void {
    this.fail(this.#unreadable(what, cause));
  }

  onPlace(id: string): void {
    this.#resumable()?.at(id);
  }

  onRetry(ms: number): void {
    this.#resumable()?.after(ms);
  }

  #resumable(): Resumption | undefined {
    if (this.#options.resume === undefined || this.#settled) return undefined;
    this.#resumption ??= new Resumption();
    return this.#resumption;
  }

  /**
   * Its stream is gone before the answer. Spec 2025-11-25: a server may close the connection, and go on with the stream
   * for who comes back.
   */
  #cut(failure: DownstreamFailure): void {
    if (this.#settled) return;
    this.#wasCut ??= failure;
    const leftMs = this.receiver.timeLeftMs ?? 0;
    const goesOn = this.#resumption?.schedule(leftMs, (place) => this.#options.resume?.(this, place));
    if (goesOn !== true) this.fail(this.#wasCut);
  }

  onMessage(message: Message): void {
    if (this.#settled) return;
    if (typeof message.method === 'string') return this.#onCall(message);
    if (this.#tellsOfLostSession(message)) return this.fail(sessionLost(this.#options.key));
    if (message.id === this.id || tellsWhyRefused(this.#status, message)) this.#answer(message);
    else if (this.#status !== 400 || outcomeOf(message) !== undefined) this.#sawOtherId = true;
  }

  #onCall(message: Record<string, unknown>): void {
    const { reply, isModern } = this.#options;
    if (message.id !== undefined) {
      this.#asides ??= new Rests(this.#options.limits.maxNoticesPerSecond, {
        pause: () => this.#rest(),
        resume: () => this.#goOn(),
        isBehind: () => !this.#settled && this.#options.isBehind(),
      });
      this.#asides.count();
      // Spec 2026-07-28: a server MUST NOT ask so, and a client MUST NOT answer.
      if (isModern) return;
      this.#asked ??= createAsked(reply);
      return this.#asked.onRequest(message, (question, answered) =>
        this.receiver.onQuestion?.(question, answered),
      );
    }
    const notification = message as unknown as Notification;
    if (notification.method === 'notifications/cancelled') {
      this.#asked?.takeBack(notification.params?.requestId);
      // What is logged on the stream of a request is logged because of it.
    } else if (isProgressOf(this.id, notification) || notification.method === 'notifications/message') {
      this.receiver.onNotification(notification);
    } else if (!isModern) this.#options.onNotice(notification);
  }

  #answer(message: Message): void {
    const { key } = this.#options;
    const outcome = outcomeOf(message, this.#options.isModern);
    if (outcome === undefined) this.fail(notMcp(key, 'an answer without result or error'));
    else if (this.#status === 400 && 'error' in outcome) this.#refused(outcome, message.id === this.id);
    else this.#settle(true, () => this.receiver.onOutcome(outcome));
    if (this.#reader?.isStream === true) {
      this.#linger = setTimeout(() => this.#controller?.abort(new Error('answered')), LINGER_MS);
    }
  }

  #refused(outcome: { error: RpcError }, hasId: boolean): void {
    const { key, isModern } = this.#options;
    const { code } = outcome.error;
    const failure = judgeRefusal(key, code, isModern);
    if (failure !== undefined) return this.fail(failure);
    // A server of the modern era misses headers and `_meta`; one of the legacy era may mean anything by the first. What that
    // one misses is a session, and it has looked no further.
    const isOdd = isModern ? !hasId : code === RPC.headerMismatch || code === RPC.invalidParams;
    if (isOdd) this.receiver.onDoubt?.();
    this.#settle(true, () => this.receiver.onOutcome(outcome));
  }

  /** Where the same request is answered so in a new session too, it was about something else, and is believed from then on. */
  #tellsOfLostSession(message?: Message): boolean {
    const { hasSession, doubt } = this.#options;
    if (!hasSession || !mayTellOfLostSession(this.#status, message)) return false;
    if (this.#isResent) doubt.isOver = true;
    return !doubt.isOver;
  }

  onEnd(): void {
    if (this.#settled) return;
    const { key } = this.#options;
    const how = this.#sawOtherId ? 'its reply was for another request' : 'its reply ended early';
    if (this.#status < 400) return this.#cut(noAnswer(key, how));
    // What it said was no answer to this: the status stands for it.
    this.fail(this.#sawOtherId ? failedStatus(key, this.#status) : this.#refusedBlankly());
  }

  #unreadable(what: string, cause: unknown): DownstreamFailure {
    return this.#status >= 400 ? this.#refusedBlankly() : notMcp(this.#options.key, what, cause);
  }

  /** Without a message that says why. */
  #refusedBlankly(): DownstreamFailure {
    return this.#unlessSessionLost(failedStatus(this.#options.key, this.#status));
  }

  /** What it has said may mean something else: that is told with it. */
  #unlessSessionLost(failure: DownstreamFailure): DownstreamFailure {
    return this.#tellsOfLostSession() ? sessionLost(this.#options.key, failure) : failure;
  }

  fail(failure: DownstreamFailure): void {
    if (this.#settled) return;
    this.#asked?.close();
    this.#settle(!failure.mayHaveRun, () => this.receiver.onFailure(failure));
    this.#controller?.abort(failure);
  }

  #settle(isAnswered: boolean, tell: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#resumption?.cancel();
    this.#options.onOver(this, isAnswered);
    tell();
  }
}
