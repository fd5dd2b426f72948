import type { Catalog } from '../catalog/merge.ts';
import type { ToolRoute, View } from '../catalog/view.ts';
import {
  type DownstreamFailure,
  headerMismatch,
  internalError,
  notMcp,
  ProtocolError,
  toToolResult,
  unknownMethod,
  unknownTool,
} from '../errors.ts';
import { type Era, LATEST_LEGACY_VERSION, LEGACY_VERSIONS, META, MODERN_VERSIONS } from '../protocol/eras.ts';
import {
  isObject,
  type Notification,
  type Outcome,
  type Params,
  type Request,
  type RequestId,
  RPC,
} from '../protocol/messages.ts';
import { mismatchedParamHeader } from '../protocol/param-headers.ts';
import { forwardCall, type RunningCall } from '../relay/forward.ts';
import { IMPLEMENTATION } from '../version.ts';
import type { Caller, Reply } from './caller.ts';
import type { RunningCalls } from './running-calls.ts';

export interface Dispatcher {
  dispatch(request: Request, caller: Caller, reply: Reply): void;
  notice(notification: Notification, caller: Caller): void;
}

interface DispatcherOptions {
  catalog: { readonly current: Catalog };
  /** Resolves when the catalog is worth listing. */
  settled: Promise<void>;
  isSettled(): boolean;
  runningCalls: RunningCalls;
  /** @param failure  undefined when the downstream answered, with a result or an error of its own */
  onCallEnded(route: ToolRoute, ms: number, failure: DownstreamFailure | undefined): void;
  /** A fault of our own. It costs the one request. */
  onUnexpected(error: unknown): void;
}

/** Answers every request of a caller: what we know ourselves at once, a tool call by its downstream. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { catalog, runningCalls } = options;

  const viewOf = ({ selection: { profile, toolset } }: Caller): View =>
    catalog.current.view(profile, toolset);

  function callTool(request: Request, caller: Caller, reply: Reply): void {
    const params = request.params ?? {};
    const { name } = params;
    if (typeof name !== 'string')
      throw new ProtocolError(RPC.invalidParams, 'params.name must be the name of a tool.');
    const route = viewOf(caller).routes.get(name);
    if (route === undefined) throw unknownTool(name);
    const mismatched =
      caller.headers && mismatchedParamHeader(route.exposedParamHeaders, params.arguments, caller.headers);
    if (mismatched !== undefined) throw headerMismatch(`The ${mismatched} header does not match the body.`);
    const startedAt = performance.now();
    let call: RunningCall | undefined;
    const end = (outcome: Outcome, failure?: DownstreamFailure) => {
      options.onCallEnded(route, performance.now() - startedAt, failure);
      runningCalls.remove(caller, request.id, call);
      reply.end(writeGuarded(request.id, outcome, caller.era, route), statusOf(outcome, caller.era));
    };
    call = forwardCall(route, params, {
      notify: (message) => reply.notify(message),
      answer: (outcome) => end(outcome),
      fail: (failure) => end({ result: toToolResult(failure) }, failure),
      cancelled: () => {
        runningCalls.remove(caller, request.id, call);
        reply.abandon();
      },
    });
    const running = call;
    runningCalls.add(caller, request.id, running);
    reply.running(() => {
      // Spec 2026-07-28: a closed stream MUST be taken as cancellation. 2025-11-25 and before: it SHOULD NOT be.
      if (caller.era === 'modern') running.cancel('the caller closed the stream');
    });
  }

  function answer(request: Request, caller: Caller, reply: Reply): void {
    const { id, method } = request;
    const isModern = caller.era === 'modern';
    if (method === 'tools/call') return callTool(request, caller, reply);
    if (method === 'tools/list') {
      return reply.endAround(resultHead(id), viewOf(caller).listResult[caller.era], '}');
    }
    if (method === 'server/discover' && isModern)
      return reply.end(writeResult(id, discoverResult(viewOf(caller))));
    if (method === 'initialize' && !isModern)
      return reply.end(writeResult(id, initializeResult(request.params, viewOf(caller))));
    if (method === 'ping' && !isModern) return reply.end(writeResult(id, '{}'));
    throw unknownMethod(method);
  }

  function guarded(request: Request, caller: Caller, reply: Reply): void {
    try {
      answer(request, caller, reply);
    } catch (error) {
      const refusal = error instanceof ProtocolError ? error : internalError(error);
      if (refusal !== error) options.onUnexpected(error);
      reply.end(writeError(request.id, refusal), caller.era === 'modern' ? refusal.httpStatus : 200);
    }
  }

  return {
    dispatch(request, caller, reply) {
      if (options.isSettled() || !NEEDS_CATALOG.has(request.method)) return guarded(request, caller, reply);
      void options.settled.then(() => {
        // Cancelled before it began.
        if (caller.era === 'modern' && reply.isGone) return;
        guarded(request, caller, reply);
      });
    },
    notice({ method, params }, caller) {
      if (method !== 'notifications/cancelled') return;
      const call = runningCalls.take(caller, params?.requestId);
      call?.cancel('the caller cancelled it');
    },
  };
}

const NEEDS_CATALOG: ReadonlySet<string> = new Set(['tools/list', 'tools/call']);

const CAPABILITIES = { tools: {} };
/** The instructions in it name the servers, and these come and go. */
const DISCOVER_TTL_MS = 60_000;

function discoverResult({ instructions }: View): string {
  return JSON.stringify({
    resultType: 'complete',
    supportedVersions: MODERN_VERSIONS,
    capabilities: CAPABILITIES,
    ...(instructions !== '' && { instructions }),
    _meta: { [META.serverInfo]: IMPLEMENTATION },
    ttlMs: DISCOVER_TTL_MS,
    cacheScope: 'private',
  });
}

function initializeResult(params: Params | undefined, { instructions }: View): string {
  const asked = params?.protocolVersion;
  const protocolVersion =
    typeof asked === 'string' && LEGACY_VERSIONS.includes(asked) ? asked : LATEST_LEGACY_VERSION;
  return JSON.stringify({
    protocolVersion,
    capabilities: CAPABILITIES,
    serverInfo: IMPLEMENTATION,
    ...(instructions !== '' && { instructions }),
  });
}

/** The outcome in the caller's era: modern results name their type, legacy ones have none. Nothing else changes. */
function inEra(outcome: Outcome, era: Era): Outcome {
  if (!('result' in outcome)) return outcome;
  const isTyped = outcome.result.resultType !== undefined;
  // Where both sides are of one era, which is the usual case, the result is passed on and not copied.
  if (isTyped === (era === 'modern')) return outcome;
  if (!isTyped) return { result: { resultType: 'complete', ...outcome.result } };
  const { resultType: _none, structuredContent, ...result } = outcome.result;
  // Legacy clients know objects only, and would throw away the answer of a tool that has run.
  return { result: isObject(structuredContent) ? { ...result, structuredContent } : result };
}

/** Spec 2026-07-28: the one error of a handler that has an HTTP status of its own. */
function statusOf(outcome: Outcome, era: Era): number {
  return era === 'modern' && 'error' in outcome && outcome.error.code === RPC.missingClientCapability
    ? 400
    : 200;
}

function writeResult(id: RequestId, resultJson: string): string {
  return `${resultHead(id)}${resultJson}}`;
}

const resultHead = (id: RequestId) => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`;

/** JSON that was read can be nested too deep to be written. Then that is what the caller is told. */
function writeGuarded(id: RequestId, outcome: Outcome, era: Era, { downstream }: ToolRoute): string {
  try {
    return writeOutcome(id, inEra(outcome, era));
  } catch (cause) {
    const failure = notMcp(downstream.key, 'nested too deep', cause);
    return writeOutcome(id, inEra({ result: toToolResult(failure) }, era));
  }
}

function writeOutcome(id: RequestId, outcome: Outcome): string {
  return 'result' in outcome
    ? writeResult(id, JSON.stringify(outcome.result))
    : JSON.stringify({ jsonrpc: '2.0', id, error: outcome.error });
}

/** @param id  undefined where it could not be read */
export function writeError(id: RequestId | undefined, { code, message, data }: ProtocolError): string {
  const error = data === undefined ? { code, message } : { code, message, data };
  return JSON.stringify(id === undefined ? { jsonrpc: '2.0', error } : { jsonrpc: '2.0', id, error });
}
