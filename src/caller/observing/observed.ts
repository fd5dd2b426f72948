import type { DownstreamFailure } from '../../errors.ts';
import type { Outcome, Request } from '../../protocol/messages.ts';
import type { Forwarding } from '../../relay/asking.ts';
import type { Identity } from '../caller.ts';

/** One request of a caller that a downstream was to answer, when it is over. Each is seen once, however it ended. */
export interface EndedCall {
  readonly request: Request;
  readonly caller: Identity;
  /** Undefined where it was refused here. */
  readonly forwarding: Forwarding | undefined;
  readonly ms: number;
  /** What its caller heard; undefined where that was nothing, since it was cancelled. */
  readonly outcome: Outcome | undefined;
  /** Why no downstream has answered. */
  readonly failure: DownstreamFailure | undefined;
  /** Of the whole answer. */
  readonly bytes: number;
}

/** Who looks at calls, and changes nothing about them. */
export interface CallObserver {
  onStarted(forwarding: Forwarding): void;
  onEnded(call: EndedCall): void;
}

export const VERDICTS = [
  'ok',
  'input_required',
  'tool_error',
  'rpc_error',
  'failed',
  'refused',
  'cancelled',
] as const;

/** How a call ended, in a word. */
export type Verdict = (typeof VERDICTS)[number];

export function verdictOf({ outcome, failure, forwarding }: EndedCall): Verdict {
  if (outcome === undefined) return 'cancelled';
  if (failure !== undefined) return 'failed';
  if ('error' in outcome) return forwarding === undefined ? 'refused' : 'rpc_error';
  if (outcome.result.isError === true) return 'tool_error';
  return outcome.result.resultType === 'input_required' ? 'input_required' : 'ok';
}
