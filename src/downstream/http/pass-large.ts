import type { Sink } from '../link.ts';
import type { LargeReader } from './answer-reader.ts';
import { type LargeHead, LargeResult } from './large-result.ts';

/** Whose answer the result is in. */
export interface Holder {
  readonly isOver: boolean;
  /** What has come is enough for now. */
  onEnough(): void;
  onNonsense(what: string): void;
  onWhole(isError: boolean): void;
}

/** Passes a large result on while it arrives. */
export function passLarge({ start: begins, tail }: LargeHead, sink: Sink, holder: Holder): LargeReader {
  const result = new LargeResult(tail);
  let start = begins;
  return {
    feed(chunk) {
      if (holder.isOver) return;
      const piece = chunk.subarray(start);
      start = 0;
      const bytes = result.take(piece);
      if (bytes === undefined) return holder.onNonsense(result.problem);
      if (bytes > 0 && !sink.write(piece.subarray(0, bytes))) holder.onEnough();
    },
    end() {
      if (result.isWhole) holder.onWhole(result.isError);
      else holder.onNonsense('invalid JSON');
    },
  };
}
