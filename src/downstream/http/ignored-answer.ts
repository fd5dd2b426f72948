import type { Dispatcher } from 'undici';

/** Of an answer that says nothing beyond its status: it is read to its end, which frees its connection. */
const MAX_IGNORED_BYTES = 64 * 1024;

/** One that is left open and silent for longer is cut off: its connection is wanted elsewhere. */
export const IGNORED_TIMEOUT_MS = 1500;

/** Reads and forgets, and ends what is longer. */
export class IgnoredBody {
  #bytes = 0;

  take(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_IGNORED_BYTES) controller.abort(new Error('not needed'));
  }
}
