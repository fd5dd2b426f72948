import { isAtLeast } from '../protocol/log-levels.ts';
import type { Notification, Params } from '../protocol/messages.ts';
import { Pace } from '../protocol/pace.ts';
import type { WayBack } from './running-call.ts';

/** Of a flood of progress a caller hears this much a second, and always the end. */
const MAX_PROGRESS_A_SECOND = 20;
/** The same of what is logged, and always what went wrong. */
const MAX_LOGS_A_SECOND = 100;
/** After so long it hears where a flood had come to: the server may say nothing more for long. */
const HELD_MS = 1000;

/** What a downstream says about one call before its answer. */
export class Notices {
  readonly #wayBack: () => WayBack | undefined;
  readonly #progress = new Pace(MAX_PROGRESS_A_SECOND);
  readonly #logs = new Pace(MAX_LOGS_A_SECOND);
  #lastProgress = Number.NEGATIVE_INFINITY;
  /** The latest progress, where that was too much. */
  #held: Notification | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param wayBack  undefined while nobody can be told, and when the call has ended */
  constructor(wayBack: () => WayBack | undefined) {
    this.#wayBack = wayBack;
  }

  /** Tells the caller, where it wants to hear of it. */
  pass(message: Notification): void {
    const back = this.#wayBack();
    if (back === undefined) return;
    try {
      if (message.method === 'notifications/message') this.#passLog(message, back);
      else this.#passProgress(message, back);
    } catch {
      // Nested too deep to be written: no loss to the call.
    }
  }

  #passLog(message: Notification, back: WayBack): void {
    if (!wantsLog(back, message)) return;
    if (this.#logs.allows() || isAtLeast(message.params?.level, 'error')) back.notify(message);
  }

  #passProgress(message: Notification, back: WayBack): void {
    const { progressToken } = back;
    if (progressToken === undefined) return;
    const { progress, total } = message.params ?? {};
    // The specification has it increase; what does not is no news to the caller.
    if (typeof progress !== 'number' || isBeyond(progress) || progress <= this.#lastProgress) return;
    if (!this.#progress.allows() && progress !== total) return this.#hold(message);
    this.#held = undefined;
    this.#lastProgress = progress;
    const params: Params = { ...message.params, progressToken };
    if (isBeyond(total)) delete params.total;
    back.notify({ ...message, params });
  }

  #hold(message: Notification): void {
    this.#held = message;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#held !== undefined) this.pass(this.#held);
    }, HELD_MS).unref();
  }
}

/** Not `1e400`, say: it is infinite here, and would be `null` to the caller. */
const isBeyond = (value: unknown) => value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;

/** Spec 2026-07-28: who names no level hears nothing. Before it, what a server sends unasked is for it to say. */
export function wantsLog({ logLevel }: WayBack, { params }: Notification): boolean {
  return logLevel === 'all' || (logLevel !== undefined && isAtLeast(params?.level, logLevel));
}
