import type { Catalog } from '../catalog/merge.ts';
import type { Publishing } from '../catalog/publishing.ts';
import type { View } from '../catalog/view.ts';
import type { Limits } from '../config/config.ts';
import { internalError, ProtocolError, unknownCursor, unknownMethod } from '../errors.ts';
import { isLogLevel, type LogLevel } from '../protocol/log-levels.ts';
import {
  type Incoming,
  type Notification,
  type Outcome,
  outcomeOf,
  type Params,
  type Request,
  type Response,
  RPC,
} from '../protocol/messages.ts';
import type { Forwarding } from '../relay/asking.ts';
import type { Rounds } from '../relay/dialogue.ts';
import type { Elsewhere } from '../relay/elsewhere.ts';
import { forwardForeign } from '../relay/foreign.ts';
import { FORWARDINGS, forwardCall } from '../relay/forwarding.ts';
import { createRepeats } from '../relay/repeats.ts';
import type { RunningCall } from '../relay/running-call.ts';
import { discoverResult, initializeResult, resultHead, writeError, writeResult } from './answers.ts';
import { type Caller, type Identity, keyOfCaller, type Reply } from './caller.ts';
import { EarlyCall } from './early-call.ts';
import { createListeners } from './listeners.ts';
import type { CallObserver } from './observing/observed.ts';
import { NEEDS_CATALOG, offers, offersSubscriptions, SUBSCRIBING } from './offered-methods.ts';
import { PassedCall, type PassedCalls } from './passed-call.ts';
import { answerLost } from './processes/lost-call.ts';
import { askingOf, logLevelOf, unknownLogLevel } from './request-facts.ts';
import { readDeclared, type Session } from './session.ts';
import { TooMany } from './too-many.ts';

export interface Dispatcher {
  dispatch(request: Request, caller: Caller, reply: Reply): void;
  /** A message was refused before it came to this, with an answer of so many bytes. */
  refused(incoming: Incoming | undefined, caller: Identity, why: ProtocolError, bytes: number): void;
  /** False where a session cancels a call that is not known here: it may be over. */
  notice(notification: Notification, caller: Caller): boolean;
  viewOf(caller: Pick<Caller, 'selection'>): View;
  /** Other processes run calls that may be repeated here. */
  readonly mayRunElsewhere: boolean;
  /** Where the same call of a tool runs, where this process is `here`; undefined for one that runs nowhere, or that is none. */
  placeOfSame(params: Params, caller: Caller, here: number): number | undefined;
  /** Answers what was lost with another process since then. False where it may be repeated: nothing was answered. */
  lost(request: Request, caller: Caller, reply: Reply, startedAt: number): boolean;
  /** A caller answers a question that was put to it. */
  answered(answer: Response, session: Session): void;
  /** A stream on which a session hears of changes. False where it accepts none. */
  open(caller: Caller, reply: Reply): boolean;
  /** The catalog, or what a caller is shown of it, may be another. */
  catalogChanged(): void;
  /** Calls of which nobody has heard the end, and callers that listen. */
  readonly waiting: { readonly calls: number; readonly listeners: number };
  /** Ends what would not end by itself: streams of notices. */
  drain(): void;
  close(): void;
}

interface DispatcherOptions {
  catalog: { readonly current: Catalog };
  /** What a caller that stays is shown now; undefined where that is no more. */
  viewNow(caller: Caller): View | undefined;
  /** Whether, and when, the catalog is worth listing. */
  publishing: Pick<Publishing, 'isSettled' | 'settled'>;
  rounds: Rounds;
  /** Callers that listen at once. */
  limits: Pick<Limits, 'maxListeners'>;
  /** Some caller wants to hear what is logged from this level on. */
  wantLogs(level: LogLevel): void;
  observer: CallObserver;
  /** Takes secrets out of what a failure says. */
  redact(text: string): string;
  /** Calls of other processes; absent where there are none. */
  elsewhere?: Elsewhere | undefined;
  /** A fault of our own. It costs the one request. */
  onUnexpected(error: unknown): void;
}

/** Answers every request of a caller: what we know ourselves at once, a tool call by its downstream. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { catalog, publishing, rounds, observer } = options;

  const viewOf: Dispatcher['viewOf'] = ({ selection: { profile, toolset } }) =>
    catalog.current.view(profile, toolset);

  const repeats = createRepeats(options.elsewhere);

  const listeners = createListeners(options.viewNow, rounds, options.limits);
  const calls: PassedCalls = { observer, redact: options.redact, running: 0 };

  function listen(request: Request, caller: Caller, reply: Reply): void {
    const { session } = caller;
    // Not the request: what it asks for may be large, and this is kept as long as it listens.
    const { id } = request;
    let call: RunningCall | undefined;
    call = listeners.listen(request, caller, reply, () => session?.removeCall(id, call));
    session?.addCall(id, call);
  }

  function pass(forwarding: Forwarding, request: Request, caller: Caller, reply: Reply, since?: number) {
    const passed = new PassedCall(calls, forwarding, request, caller, reply, since);
    const { logLevel } = passed;
    // Spec 2026-07-28: a level counts for one request. Before it a server has one, for all that it logs.
    // What a session has asked for earlier is told to servers that are new since then.
    if (isLogLevel(logLevel)) forwarding.downstream.wishes.wantLogs(logLevel);
    passed.begun(repeats.forward(forwarding, passed, keyOfCaller(caller)));
  }

  function answer(request: Request, caller: Caller, reply: Reply, since?: number): void {
    const { id, method, params = {} } = request;
    const view = viewOf(caller);
    const plan = FORWARDINGS.get(method);
    if (plan !== undefined && offers(view, method, caller.era)) {
      return pass(plan(params, askingOf(params, caller, view, rounds)), request, caller, reply, since);
    }
    // Also of what logs nothing.
    logLevelOf(params._meta as Params | undefined, caller);
    const list = view.lists.get(method);
    if (list !== undefined) {
      // Every list is one page: who goes on from somewhere has that from elsewhere, and would begin again without end.
      if (params.cursor) throw unknownCursor();
      return reply.endAround(resultHead(id), list[caller.era], '}');
    }
    if (caller.era === 'legacy') {
      if (SUBSCRIBING.has(method) && offersSubscriptions(view)) return subscribe(request, caller, reply);
      const result = answerLegacy(method, params, caller, view);
      return result === undefined
        ? passForeign(request, caller, reply, view, since)
        : void reply.end(writeResult(id, result));
    }
    if (method === 'subscriptions/listen') return listen(request, caller, reply);
    if (method === 'server/discover') return void reply.end(writeResult(id, discoverResult(view)));
    passForeign(request, caller, reply, view, since);
  }

  /** @throws ProtocolError -32601 no one knows the method */
  function passForeign(request: Request, caller: Caller, reply: Reply, view: View, since?: number): void {
    const { method, params = {} } = request;
    const forwarding = forwardForeign(method, params, askingOf(params, caller, view, rounds));
    if (forwarding === undefined) throw unknownMethod(method);
    pass(forwarding, request, caller, reply, since);
  }

  /** What the modern era no longer has. */
  function answerLegacy(method: string, params: Params, caller: Caller, view: View): string | undefined {
    const { session } = caller;
    if (method === 'initialize') {
      // On a pipe there is no id that could say it.
      if (session !== undefined) Object.assign(session, readDeclared(params.capabilities));
      return initializeResult(params, view);
    }
    if (method === 'logging/setLevel' && view.capabilities.logging !== undefined) {
      setLogLevel(params.level, session);
      return '{}';
    }
    return method === 'ping' ? '{}' : undefined;
  }

  function subscribe(request: Request, caller: Caller, reply: Reply): void {
    const { method, params = {} } = request;
    const { uri } = params;
    const { session } = caller;
    if (typeof uri !== 'string')
      throw new ProtocolError(RPC.invalidParams, 'params.uri must be the URI of a resource.');
    // Without a session there is nobody to be told.
    if (session === undefined) throw unknownMethod(method);
    const end = () => reply.end(writeResult(request.id, '{}'));
    if (method === 'resources/subscribe') {
      listeners.watch(uri, caller, session).then(end, (error) => refuse(error, request, caller, reply));
    } else {
      session.stopWatching(uri);
      end();
    }
  }

  function setLogLevel(level: unknown, session: Session | undefined): void {
    if (!isLogLevel(level)) throw unknownLogLevel('params.level');
    if (session !== undefined) session.logLevel = level;
    options.wantLogs(level);
  }

  /** @param since  when it came, where that was not just now */
  function guarded(request: Request, caller: Caller, reply: Reply, since?: number): void {
    try {
      answer(request, caller, reply, since);
    } catch (error) {
      refuse(error, request, caller, reply);
    }
  }

  function refuse(error: unknown, request: Request, caller: Caller, reply: Reply): void {
    const refusal = error instanceof ProtocolError ? error : internalError(error);
    if (refusal !== error) options.onUnexpected(error);
    const json = writeError(request.id, refusal);
    const headers = refusal instanceof TooMany ? refusal.headers : undefined;
    const bytes = reply.end(json, caller.era === 'modern' ? refusal.httpStatus : 200, headers);
    observeRefusal(request, caller, { error: refusal }, bytes);
  }

  /** A call that never was one: nothing of that name, too many, or cancelled before it began. */
  function observeRefusal(request: Request, caller: Identity, outcome?: Outcome, bytes = 0, ms = 0) {
    if (!FORWARDINGS.has(request.method)) return;
    observer.onEnded({ request, caller, forwarding: undefined, ms, outcome, failure: undefined, bytes });
  }

  return {
    dispatch(request, caller, reply) {
      if (publishing.isSettled || !NEEDS_CATALOG.has(request.method)) return guarded(request, caller, reply);
      const early = new EarlyCall();
      const since = performance.now();
      caller.session?.addCall(request.id, early);
      void publishing.settled.then(() => {
        caller.session?.removeCall(request.id, early);
        if (early.isCancelled || (caller.era === 'modern' && reply.isGone)) {
          observeRefusal(request, caller, undefined, 0, performance.now() - since);
          return reply.abandon();
        }
        guarded(request, caller, reply, since);
      });
    },
    refused(incoming, caller, why, bytes) {
      if (incoming?.kind === 'request') observeRefusal(incoming.message, caller, { error: why }, bytes);
    },
    viewOf,
    get mayRunElsewhere() {
      return options.elsewhere?.isEmpty === false;
    },
    placeOfSame(params, caller, here) {
      try {
        const forwarding = forwardCall(params, askingOf(params, caller, viewOf(caller), rounds));
        return repeats.placeOf(forwarding, keyOfCaller(caller), here);
      } catch {
        return undefined;
      }
    },
    lost(request, caller, reply, startedAt) {
      const asking = askingOf(request.params ?? {}, caller, viewOf(caller), rounds);
      return answerLost(calls, request, caller, reply, asking, startedAt);
    },
    notice({ method, params }, caller) {
      if (method !== 'notifications/cancelled' || caller.session === undefined) return true;
      const call = caller.session.takeCall(params?.requestId);
      call?.cancel('the caller cancelled it');
      return call !== undefined;
    },
    answered(answer, session) {
      session.answerQuestion(answer.id, outcomeOf({ ...answer }) ?? NEITHER);
    },
    open: (caller, reply) => caller.session !== undefined && listeners.open(caller, caller.session, reply),
    catalogChanged: listeners.changed,
    get waiting() {
      return { calls: calls.running, listeners: listeners.size };
    },
    drain: listeners.close,
    close() {
      listeners.close();
      repeats.close();
    },
  };
}

/** Who asked is not left to wait for another answer. */
const NEITHER: Outcome = {
  error: { code: RPC.internalError, message: 'The client answered with neither a result nor an error.' },
};
