import { isObject, type Outcome, type Params, RPC } from '../protocol/messages.ts';
import type { Answered, Question } from '../protocol/questions.ts';

type Ask = (question: Question, answered: Answered) => (() => void) | undefined;

interface Open {
  readonly question: Question;
  readonly answered: Answered;
  /** What takes it back from a caller that was asked; undefined where it waits for the next round. */
  takeBack: (() => void) | undefined;
}

/** The questions of one call that have no answer yet. While there are some, the clock of the call is another. */
export class OpenQuestions {
  readonly #open = new Map<string, Open>();
  readonly #onFirst: () => void;
  readonly #onNone: () => void;
  #count = 0;

  constructor(onFirst: () => void, onNone: () => void) {
    this.#onFirst = onFirst;
    this.#onNone = onNone;
  }

  /** As the caller is to see them, by the keys that its answers bear. */
  get shown(): ReadonlyMap<string, Question> {
    return new Map([...this.#open].map(([key, { question }]) => [key, question]));
  }

  /** Asks the caller at once. */
  ask(ask: Ask, question: Question, answered: Answered): (() => void) | undefined {
    const key = this.#put(question, answered);
    const takeBack = ask(question, (outcome) => this.#settle(key, outcome));
    const open = this.#open.get(key);
    if (open === undefined) return () => {};
    if (takeBack === undefined) {
      this.#remove(key);
      return undefined;
    }
    open.takeBack = takeBack;
    return () => this.#withdraw(key);
  }

  /** Keeps it for the next round; `end` is called when all that came together are here. */
  add(question: Question, answered: Answered, end: () => void): () => void {
    const key = this.#put(question, answered);
    setImmediate(end);
    return () => this.#withdraw(key);
  }

  /** The next round; `end` is called where it leaves some without an answer. */
  answer(responses: Params, end: () => void): void {
    for (const key of [...this.#open.keys()]) {
      const response = Object.hasOwn(responses, key) ? responses[key] : undefined;
      if (isObject(response)) this.#settle(key, { result: response });
    }
    if (this.#open.size > 0) setImmediate(end);
  }

  /** There is no way to ask. */
  refuse(why: string): void {
    const refused: Outcome = { error: { code: RPC.internalError, message: why } };
    for (const key of [...this.#open.keys()]) this.#settle(key, refused);
  }

  /** Who was asked has gone. */
  callerLeft(): void {
    for (const [key, { question, takeBack }] of [...this.#open]) {
      if (takeBack === undefined) continue;
      takeBack();
      this.#settle(key, silenceTo(question));
    }
  }

  /** The call is over: its caller need not answer, and its server is not left waiting. */
  close(): void {
    for (const [key, { question }] of [...this.#open]) {
      this.#open.get(key)?.takeBack?.();
      this.#settle(key, silenceTo(question));
    }
  }

  #put(question: Question, answered: Answered): string {
    const key = `question-${++this.#count}`;
    if (this.#open.size === 0) this.#onFirst();
    this.#open.set(key, { question, answered, takeBack: undefined });
    return key;
  }

  #remove(key: string): Open | undefined {
    const open = this.#open.get(key);
    if (this.#open.delete(key) && this.#open.size === 0) this.#onNone();
    return open;
  }

  #settle(key: string, outcome: Outcome): void {
    this.#remove(key)?.answered(outcome);
  }

  #withdraw(key: string): void {
    this.#remove(key)?.takeBack?.();
  }
}

/** A person's silence is a cancellation, a program's an error. */
const silenceTo = ({ method }: Question) => (method === 'elicitation/create' ? CANCELLED : UNASKED);

const CANCELLED: Outcome = { result: { action: 'cancel' } };
const UNASKED: Outcome = {
  error: { code: RPC.internalError, message: 'The client cannot be asked any more.' },
};
