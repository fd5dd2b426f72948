import type { DownstreamFailure } from '../errors.ts';

/**
 * What a model is told when its call failed on the way: an answer like any other, so that the conversation goes on.
 *
 * @param meta  what else goes into `_meta`
 */
export function toToolResult(failure: DownstreamFailure, meta: object = {}): Record<string, unknown> {
  return {
    content: [{ type: 'text', text: failure.message }],
    isError: true,
    _meta: { ...meta, 'mcp-switchboard/failure': factsOf(failure) },
  };
}

/** The same for requests whose results have no place for a failure. */
export function toRpcError(failure: DownstreamFailure): { code: number; message: string; data: unknown } {
  return { code: -32603, message: failure.message, data: factsOf(failure) };
}

const factsOf = ({ downstream, reason, mayHaveRun }: DownstreamFailure) => ({
  downstream,
  reason,
  mayHaveRun,
  retryable: !mayHaveRun && PASSING.has(reason),
});

/** What may be over by the next time. */
const PASSING = new Set(['unavailable', 'busy', 'circuit_open', 'session_lost', 'rate_limited']);
