import { isAtLeast } from '../protocol/log-levels.ts';
import type { Notification, Params } from '../protocol/messages.ts';
import { Pace } from '../protocol/pace.ts';
import type { WayBack } from './running-call.ts';

/** Of a flood of progress a caller hears this much a second, and always the end. */
const MAX_PROGRESS_A_SECOND = 20;
/** The same of what is logged, and always what went wrong. */
const MAX_LOGS_A_SECOND = 100;

/** What a downstream says about one call before its answer. */
export class Notices {
  readonly #progress = new Pace(MAX_PROGRESS_A_SECOND);
  readonly #logs = new Pace(MAX_LOGS_A_SECOND);
  #lastProgress = Number.NEGATIVE_INFINITY;

  /** Tells the caller, where it wants to hear of it. */
  pass(message: Notification, back: WayBack): void {
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
    if (!this.#progress.allows() && progress !== total) return;
    this.#lastProgress = progress;
    const params: Params = { ...message.params, progressToken };
    if (isBeyond(total)) delete params.total;
    back.notify({ ...message, params });
  }
}

/** Not `1e400`, say: it is infinite here, and would be `null` to the caller. */
const isBeyond = (value: unknown) => value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;

/** Spec 2026-07-28: who names no level hears nothing. Before it, what a server sends unasked is for it to say. */
export function wantsLog({ logLevel }: WayBack, { params }: Notification): boolean {
  return logLevel === 'all' || (logLevel !== undefined && isAtLeast(params?.level, logLevel));
}
