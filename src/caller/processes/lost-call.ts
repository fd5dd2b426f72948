import { lostWithProcess } from '../../errors.ts';
import type { Request } from '../../protocol/messages.ts';
import type { Asking } from '../../relay/asking.ts';
import { forwardForeign } from '../../relay/foreign.ts';
import { FORWARDINGS } from '../../relay/forwarding.ts';
import type { Caller, Reply } from '../caller.ts';
import { PassedCall, type PassedCalls } from '../passed-call.ts';

/**
 * Answers a call that another process ran, and that was lost with it. It is seen here: that process can tell nobody.
 *
 * @param startedAt  when it was handed over, as `performance.now()` says
 * @returns          false for a request that no downstream answers: it may be repeated
 */
export function answerLost(
  calls: PassedCalls,
  request: Request,
  caller: Caller,
  reply: Reply,
  asking: Asking,
  startedAt: number,
): boolean {
  const { method, params = {} } = request;
  try {
    const forwarding = FORWARDINGS.get(method)?.(params, asking) ?? forwardForeign(method, params, asking);
    if (forwarding === undefined) return false;
    const failure = lostWithProcess(forwarding.downstream.key);
    new PassedCall(calls, forwarding, request, caller, reply, startedAt).fail(failure);
    return true;
  } catch {
    // It was refused there as well, before anything ran.
    return false;
  }
}
