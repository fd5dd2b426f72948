import type { Catalog } from '../catalog/merge.ts';
import type { View } from '../catalog/view.ts';
import {
  type DownstreamFailure,
  internalError,
  notMcp,
  ProtocolError,
  toRpcError,
  toToolResult,
  unknownMethod,
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
import { forward, type RunningCall } from '../relay/forward.ts';
import { FORWARDINGS, type Forwarding } from '../relay/forwarding.ts';
import type { StateSeal } from '../relay/state-seal.ts';
import { IMPLEMENTATION } from '../version.ts';
import type { Caller, Reply } from './caller.ts';
import { createListeners } from './listeners.ts';
import type { RunningCalls } from './running-calls.ts';

export interface Dispatcher {
  dispatch(request: Request, caller: Caller, reply: Reply): void;
  notice(notification: Notification, caller: Caller): void;
  /** The catalog may be another. */
  catalogChanged(): void;
  /** Ends what would not end by itself. */
  close(): void;
}

interface DispatcherOptions {
  catalog: { readonly current: Catalog };
  /** Resolves when the catalog is worth listing. */
  settled: Promise<void>;
  isSettled(): boolean;
  runningCalls: RunningCalls;
  seal: StateSeal;
  /** @param failure  undefined when the downstream answered, with a result or an error of its own */
  onCallEnded(forwarding: Forwarding, ms: number, failure: DownstreamFailure | undefined): void;
  /** A fault of our own. It costs the one request. */
  onUnexpected(error: unknown): void;
}

/** Answers every request of a caller: what we know ourselves at once, a tool call by its downstream. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { catalog, runningCalls } = options;

  const viewOf = ({ selection: { profile, toolset } }: Caller): View =>
    catalog.current.view(profile, toolset);

  const listeners = createListeners(viewOf, writeResult);

  function listen(request: Request, caller: Caller, reply: Reply): void {
    let call: RunningCall | undefined;
    call = listeners.listen(request, caller, reply, () => runningCalls.remove(caller, request.id, call));
    runningCalls.add(caller, request.id, call);
  }

  function pass(forwarding: Forwarding, request: Request, caller: Caller, reply: Reply): void {
    const startedAt = performance.now();
    let call: RunningCall | undefined;
    const end = (outcome: Outcome, failure?: DownstreamFailure) => {
      options.onCallEnded(forwarding, performance.now() - startedAt, failure);
      runningCalls.remove(caller, request.id, call);
      reply.end(writeGuarded(request.id, outcome, caller.era, forwarding), statusOf(outcome, caller.era));
    };
    call = forward(forwarding, request.params ?? {}, {
      notify: (message) => reply.notify(message),
      answer: (outcome) => end(outcome),
      fail: (failure) => end(toOutcome(failure, forwarding), failure),
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
    const { id, method, params = {} } = request;
    const isModern = caller.era === 'modern';
    const view = viewOf(caller);
    const plan = FORWARDINGS.get(method);
    if (plan !== undefined && offers(view.capabilities[caller.era], method)) {
      return pass(plan(params, { ...caller, view, seal: options.seal }), request, caller, reply);
    }
    const list = view.lists.get(method);
    if (list !== undefined) return reply.endAround(resultHead(id), list[caller.era], '}');
    if (method === 'subscriptions/listen' && isModern) return listen(request, caller, reply);
    if (method === 'server/discover' && isModern) return reply.end(writeResult(id, discoverResult(view)));
    if (method === 'initialize' && !isModern)
      return reply.end(writeResult(id, initializeResult(params, view)));
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
    catalogChanged: listeners.changed,
    close: listeners.close,
  };
}

/** The handshakes too: who is told of no prompts then never asks for them. */
const NEEDS_CATALOG: ReadonlySet<string> = new Set([
  'initialize',
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  ...FORWARDINGS.keys(),
]);

/** `tools/call` of `tools`, `completion/complete` of `completions`. */
function offers(capabilities: Readonly<Record<string, object>>, method: string): boolean {
  const feature = method.slice(0, method.indexOf('/'));
  return capabilities[feature === 'completion' ? 'completions' : feature] !== undefined;
}

/** The instructions in it name the servers, and these come and go. */
const DISCOVER_TTL_MS = 60_000;

function discoverResult({ capabilities, instructions }: View): string {
  return JSON.stringify({
    resultType: 'complete',
    supportedVersions: MODERN_VERSIONS,
    capabilities: capabilities.modern,
    ...(instructions !== '' && { instructions }),
    _meta: { [META.serverInfo]: IMPLEMENTATION },
    ttlMs: DISCOVER_TTL_MS,
    cacheScope: 'private',
  });
}

function initializeResult(params: Params, { capabilities, instructions }: View): string {
  const asked = params.protocolVersion;
  const protocolVersion =
    typeof asked === 'string' && LEGACY_VERSIONS.includes(asked) ? asked : LATEST_LEGACY_VERSION;
  return JSON.stringify({
    protocolVersion,
    capabilities: capabilities.legacy,
    serverInfo: IMPLEMENTATION,
    ...(instructions !== '' && { instructions }),
  });
}

/** Of the revisions before 2026-07-28, which says -32602 instead. */
const LEGACY_RESOURCE_NOT_FOUND = -32002;

/** The outcome in the caller's era: modern results name their type, legacy ones have none. Nothing else changes. */
function inEra(outcome: Outcome, era: Era): Outcome {
  if ('error' in outcome) {
    const isGivenUp = era === 'modern' && outcome.error.code === LEGACY_RESOURCE_NOT_FOUND;
    return isGivenUp ? { error: { ...outcome.error, code: RPC.invalidParams } } : outcome;
  }
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
function writeGuarded(id: RequestId, outcome: Outcome, era: Era, forwarding: Forwarding): string {
  try {
    return writeOutcome(id, inEra(outcome, era));
  } catch (cause) {
    const failure = notMcp(forwarding.downstream.key, 'nested too deep', cause);
    return writeOutcome(id, inEra(toOutcome(failure, forwarding), era));
  }
}

/** What a model is told of a call, its program is told of anything else. */
function toOutcome(failure: DownstreamFailure, { method }: Forwarding): Outcome {
  return method === 'tools/call' ? { result: toToolResult(failure) } : { error: toRpcError(failure) };
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
