import type { RunningCall } from '../relay/running-call.ts';

/** One that waits for the first lists. */
export class EarlyCall implements RunningCall {
  readonly hasEnded = false;
  isCancelled = false;

  cancel(): void {
    this.isCancelled = true;
  }

  callerLeft(): void {}
}
