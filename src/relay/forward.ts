import type { Downstream } from '../downstream/downstream.ts';
import type { Exchange, Receiver, Sink } from '../downstream/link.ts';
import { afterSent } from '../downstream/passage/renewing-exchange.ts';
import {
  askedTooOften,
  asksForInput,
  busyUntilDeadline,
  DownstreamFailure,
  deadlinePassed,
  declinedAddress,
  noLongerWaits,
  notAnswered,
  tooManyParked,
  unavailable,
  wentSilent,
} from '../errors.ts';
import { type Notification, type Outcome, type Params, RPC } from '../protocol/messages.ts';
import type { Answered, Question } from '../protocol/questions.ts';
import type { Forwarding } from './asking.ts';
import { Deadline, type Timed } from './deadline.ts';
import type { InputRequired } from './dialogue.ts';
import { Notices } from './notices.ts';
import { OpenQuestions } from './open-questions.ts';
import type { Parked } from './parked.ts';
import type { ForwardedRequest, WayBack } from './running-call.ts';
import { shapeOutcome } from './shape-outcome.ts';
import { timedSink } from './timed-sink.ts';

/** How long a person may think about a question, and how many rounds of them one call may take. */
const QUESTION_MS = 10 * 60_000;
const MAX_ROUNDS = 16;
const NOT_ANSWERED = 'its question was not answered';

/**
 * Sends one request where it is to go. It ends with an answer, a failure or a cancellation, and no later than its
 * `timing` says, not counting the time in which its caller is asked something.
 */
export function forward(forwarding: Forwarding, back: WayBack): ForwardedRequest {
  const { answer, dialogue, downstream } = forwarding;
  if (answer !== undefined) return ended(() => back.answer({ result: answer }));
  if (dialogue?.isDeclined) return ended(() => back.fail(declinedAddress(downstream.key)));
  if (dialogue?.resumes === undefined) return new ForwardedCall(forwarding, back);
  const call = (dialogue.parked as Parked<ForwardedCall>).take(dialogue.resumes.id);
  if (call === undefined) return ended(() => back.fail(noLongerWaits(downstream.key)));
  call.resume(back, dialogue.resumes.responses);
  return call;
}

/** It ends before it began. */
function ended(tell: () => void): ForwardedRequest {
  tell();
  return { hasEnded: true, hasBegun: true, cancel() {}, callerLeft() {}, giveUp() {} };
}

class ForwardedCall implements Receiver, ForwardedRequest, Timed {
  readonly caller: object | undefined;
  readonly #forwarding: Forwarding;
  /** Undefined while it is parked. */
  #back: WayBack | undefined;
  readonly #deadline: Deadline;
  #exchange: Exchange;
  /** Made when there is something to tell: most calls have nothing. */
  #notices: Notices | undefined;
  #rounds = 0;
  #ended = false;
  #open: OpenQuestions | undefined;
  /** What it ended with while it was parked. */
  #kept: ((back: WayBack) => void) | undefined;

  constructor(forwarding: Forwarding, back: WayBack) {
    this.#forwarding = forwarding;
    this.#back = back;
    this.caller = back.caller;
    this.#deadline = new Deadline(forwarding.timing, this);
    this.#deadline.start();
    this.#exchange = this.#send(forwarding.dialogue?.answers);
  }

  #send(answers: Params | undefined): Exchange {
    const { method, params, argumentsJson, paramHeaders, extensions, dialogue, downstream, repeatability } =
      this.#forwarding;
    const { progressToken, logLevel } = this.#back ?? {};
    return downstream.request(
      {
        method,
        params,
        argumentsJson,
        progress: progressToken !== undefined,
        paramHeaders,
        repeatability,
        capabilities: dialogue?.capabilities ?? this.#forwarding.capabilities,
        extensions,
        answers,
        logLevel: logLevel === 'all' ? undefined : logLevel,
      },
      this,
    );
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** A later round goes on with what an earlier one has begun. */
  get hasBegun(): boolean {
    return this.#rounds > 0 || this.#exchange.hasBegun;
  }

  get timeLeftMs(): number {
    return this.#deadline.leftMs;
  }

  cancel(reason: string): void {
    if (!this.#end()) return;
    this.#exchange.cancel(reason);
    this.#back?.cancelled();
  }

  callerLeft(cancels: boolean): void {
    if (cancels) this.cancel('the caller closed the stream');
    else this.#open?.callerLeft();
  }

  giveUp(): void {
    if (this.#ended || this.#back !== undefined) return;
    this.cancel(NOT_ANSWERED);
    this.#kept = (back) => back.fail(noLongerWaits(this.#forwarding.downstream.key));
  }

  onNotification(message: Notification): void {
    if (this.#ended || this.#back === undefined) return;
    if (message.method === 'notifications/progress' && this.#back.progressToken !== undefined)
      this.#deadline.moved();
    this.#notices ??= new Notices(() => (this.#ended ? undefined : this.#back));
    this.#notices.pass(message);
  }

  onQuestion(question: Question, answered: Answered): (() => void) | undefined {
    const { dialogue } = this.#forwarding;
    if (this.#ended || dialogue?.capabilities === undefined) return undefined;
    const refused = dialogue.judge(question);
    if (refused !== undefined) {
      const isFailure = refused instanceof DownstreamFailure;
      const message = isFailure ? 'Only http and https addresses are opened.' : refused.message;
      answered({ error: { code: RPC.invalidParams, message } });
      return () => {};
    }
    const shown = dialogue.withOrigin(question);
    if (this.#back?.ask !== undefined) return this.#questions().ask(this.#back.ask, shown, answered);
    return this.#questions().add(shown, answered, () => this.#park());
  }

  #questions(): OpenQuestions {
    let letGo = () => {};
    this.#open ??= new OpenQuestions(
      () => {
        this.#deadline.pause(QUESTION_MS);
        letGo = this.#forwarding.downstream.hold();
      },
      () => {
        letGo();
        this.#deadline.start();
      },
    );
    return this.#open;
  }

  /** Ends the round of its caller, and waits for the next. */
  #park(): void {
    const { dialogue } = this.#forwarding;
    const back = this.#back;
    const open = this.#questions();
    if (this.#ended || back === undefined || dialogue === undefined || open.shown.size === 0) return;
    if (++this.#rounds > MAX_ROUNDS) return open.refuse(askedTooOften(MAX_ROUNDS));
    const id = dialogue.parked.add(this);
    if (id === undefined) return open.refuse(tooManyParked(dialogue.parked.size));
    this.#back = undefined;
    // Its time is that of the parked ones.
    this.#deadline.stop();
    back.answer(dialogue.toParkedResult(id, open.shown));
  }

  /** The caller is back. */
  resume(back: WayBack, responses: Params): void {
    this.#back = back;
    if (this.#kept !== undefined) return this.#kept(back);
    this.#deadline.start();
    this.#questions().answer(responses, () => this.#park());
  }

  onLarge(isComplete: boolean, goOn: () => void): Sink | undefined {
    const back = this.#back;
    if (this.#ended || this.#forwarding.shape !== undefined) return undefined;
    return timedSink(this.#deadline, (more) => back?.sink?.(isComplete, more), goOn);
  }

  onOutcome(outcome: Outcome): void {
    const shaped = shapeOutcome(outcome, this.#forwarding);
    if (shaped instanceof DownstreamFailure) this.onFailure(shaped);
    else if ('questions' in shaped) this.#onInputRequired(shaped);
    else this.#deliver((back) => back.answer(shaped));
  }

  #onInputRequired(required: InputRequired): void {
    const { downstream, dialogue } = this.#forwarding;
    const { ask } = this.#back ?? {};
    // Without a dialogue there are no questions, and it is repeated here.
    if (ask === undefined && dialogue !== undefined) {
      const outcome = dialogue.toResult(required);
      return this.#deliver((back) => back.answer(outcome));
    }
    if (++this.#rounds > MAX_ROUNDS) return this.onFailure(asksForInput(downstream.key));
    const responses = new Map<string, Params>();
    const { questions, state: requestState } = required;
    const goOn = () => {
      if (this.#ended) return;
      const answers = {
        ...(questions.size > 0 && { inputResponses: Object.fromEntries(responses) }),
        ...(requestState !== undefined && { requestState }),
      };
      this.#exchange = this.#send(answers);
    };
    for (const [key, question] of questions) {
      const asked =
        ask &&
        this.#questions().ask(ask, question, (outcome) => {
          // In this era an answer is a result; there is no other way to say that none is given.
          if ('error' in outcome) return this.onFailure(asksForInput(downstream.key));
          responses.set(key, outcome.result);
          if (responses.size === questions.size) goOn();
        });
      if (asked === undefined) return this.onFailure(asksForInput(downstream.key));
    }
    if (questions.size === 0) goOn();
  }

  onFailure(failure: DownstreamFailure): void {
    const told = this.#rounds > 0 ? afterSent(failure) : failure;
    this.#deliver((back) => back.fail(told));
  }

  #deliver(tell: (back: WayBack) => void): void {
    if (!this.#end()) return;
    if (this.#back === undefined) this.#kept = tell;
    else tell(this.#back);
  }

  onDeadline(ms: number, isSilence: boolean): void {
    const { downstream, exposedName } = this.#forwarding;
    const { key } = downstream;
    if (!this.hasBegun) this.onFailure(neverSent(downstream, ms, this.#exchange.hasWaited === true));
    else this.onFailure((isSilence ? wentSilent : deadlinePassed)(key, exposedName, ms));
    this.#exchange.cancel('deadline passed', true);
  }

  onNotAnswered(questionMs: number): void {
    this.onFailure(notAnswered(this.#forwarding.downstream.key, questionMs));
    this.#exchange.cancel(NOT_ANSWERED);
  }

  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#deadline.end();
    this.#open?.close();
    return true;
  }
}

/**
 * Why a request was never sent in all its time.
 *
 * @param hasWaited  others had their turn before it
 */
function neverSent({ key, status }: Downstream, ms: number, hasWaited: boolean): DownstreamFailure {
  const { why } = status();
  if (why === undefined && hasWaited) return busyUntilDeadline(key, ms);
  return unavailable(key, why ?? 'it could not be connected to in time');
}
