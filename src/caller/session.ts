import { randomInt } from 'node:crypto';
import type { View } from '../catalog/view.ts';
import type { Watch } from '../downstream/lists/hearings.ts';
import { BriefMap, nameOfId } from '../protocol/brief-map.ts';
import { type Extensions, extensionsOf } from '../protocol/extensions.ts';
import type { LogLevel } from '../protocol/log-levels.ts';
import { isRequestId, type Outcome, type Params, type RequestId } from '../protocol/messages.ts';
import { type Answered, askableOf } from '../protocol/questions.ts';
import type { RunningCall } from '../relay/running-call.ts';

/** What a caller says that it can do. */
export interface Declared {
  /** What it can be asked; undefined where that is nothing. */
  readonly capabilities?: Params | undefined;
  readonly extensions?: Extensions | undefined;
}

export function readDeclared(clientCapabilities: unknown): Declared {
  return { capabilities: askableOf(clientCapabilities), extensions: extensionsOf(clientCapabilities) };
}

let pipes = 0;

/** One caller between its requests: at the other end of a pipe, or of the legacy era and with an id. */
export class Session {
  /** Undefined on a pipe. */
  readonly id: string | undefined;
  /** Tells its id apart. */
  readonly mark: string;
  /** The same for all that comes from one caller. */
  readonly identity: string;
  /** When its id is good no more, in ms since 1970. */
  readonly until: number;
  /** What it can be asked; undefined where that is nothing. */
  capabilities: Params | undefined;
  extensions: Extensions | undefined;
  logLevel: LogLevel | undefined;
  /** Since then nobody waits for it. */
  usedAt = 0;
  /** By its last stream of changes; undefined where it had none here. */
  shown: View | undefined;
  /** Ends the stream on which it hears of changes. */
  endStream: (() => void) | undefined;
  /** Tells it of a change; where it has no stream, nobody hears it. */
  notify: ((method: string, params?: Params) => void) | undefined;
  /** Of resources, by the URI it gave. */
  readonly watches = new Map<string, Watch>();
  isClosed = false;
  readonly #calls = new BriefMap<RunningCall>();
  readonly #questions = new Map<RequestId, Answered>();
  /** Spec 2025-11-25: no id twice in a session, which goes on after a restart. Small, for clients with 32 bits for it. */
  #lastQuestion = randomInt(2 ** 30);

  constructor(id: string | undefined, declared: Declared, until = Number.POSITIVE_INFINITY) {
    this.id = id;
    this.mark = markOf(id);
    this.identity = id ?? `pipe ${++pipes}`;
    this.until = until;
    this.capabilities = declared.capabilities;
    this.extensions = declared.extensions;
  }

  /** It is waited for, or waits itself. */
  get isBusy(): boolean {
    return this.hasCalls || this.notify !== undefined;
  }

  get hasCalls(): boolean {
    return this.#calls.size > 0;
  }

  addCall(id: RequestId, call: RunningCall): void {
    if (!call.hasEnded) this.#calls.set(nameOfId(id), call);
  }

  removeCall(id: RequestId, call: RunningCall | undefined): void {
    const name = nameOfId(id);
    if (this.#calls.get(name) === call) this.#calls.take(name);
    this.usedAt = performance.now();
  }

  /** Finds the call and takes it out. */
  takeCall(id: unknown): RunningCall | undefined {
    return isRequestId(id) ? this.#calls.take(nameOfId(id)) : undefined;
  }

  /** The id of a question to it. */
  addQuestion(answered: Answered): RequestId {
    const id = ++this.#lastQuestion;
    this.#questions.set(id, answered);
    return id;
  }

  removeQuestion(id: RequestId): boolean {
    return this.#questions.delete(id);
  }

  answerQuestion(id: unknown, outcome: Outcome): void {
    const answered = this.#questions.get(id as RequestId);
    this.#questions.delete(id as RequestId);
    answered?.(outcome);
  }

  stopWatching(uri: string): void {
    this.watches.get(uri)?.stop();
    this.watches.delete(uri);
  }

  /**
   * It has ended: nothing is heard, watched or asked for it any more. Its calls go on, without an
   * answer to what they asked.
   */
  close(): void {
    this.isClosed = true;
    for (const watch of this.watches.values()) watch.stop();
    this.watches.clear();
    this.endStream?.();
    // First: nobody is to be told that they are taken back.
    this.#questions.clear();
    for (const call of this.#calls.values()) call.callerLeft(false);
  }
}

/** An id is long, and begins with random bytes. */
export const markOf = (id = '') => id.slice(0, 24);
