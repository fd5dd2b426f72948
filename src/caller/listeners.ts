import type { View } from '../catalog/view.ts';
import type { Limits } from '../config/config.ts';
import type { Watch } from '../downstream/lists/hearings.ts';
import { ProtocolError, unknownResource } from '../errors.ts';
import { within } from '../promises.ts';
import { type Era, META, OWN_META } from '../protocol/eras.ts';
import { isObject, type Params, type Request, RPC } from '../protocol/messages.ts';
import type { Rounds } from '../relay/dialogue.ts';
import type { RunningCall } from '../relay/running-call.ts';
import { insistOnTasks } from '../relay/tasks.ts';
import { writeResult } from './answers.ts';
import type { Caller, Reply } from './caller.ts';
import { readDeclared, type Session } from './session.ts';
import { SESSION_TTL_MS } from './sessions.ts';
import { tooManyListeners } from './too-many.ts';
import { createWatches, type Notify } from './watches.ts';

/**
 * Callers that listen for changes. Each hears of what it asked for, and of a list only when what it is shown of it
 * really differs.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
 */
export interface Listeners {
  /**
   * Answers `subscriptions/listen`: says first what it will hear of, and then does not end.
   *
   * @param onOver  it has gone, or was ended
   * @throws ProtocolError -32600 it accepts no stream; -32602 it does not say what to hear of; 429 there are too many; -32021 it asks for tasks unsaid
   */
  listen(request: Request, caller: Caller, reply: Reply, onOver: () => void): RunningCall;
  /**
   * The stream of a session of the legacy era, in place of an earlier one. False where it accepts none.
   *
   * @throws ProtocolError 429 there are too many
   */
  open(caller: Caller, session: Session, reply: Reply): boolean;
  /**
   * Answers `resources/subscribe` of a session: resolves when the downstream was told.
   *
   * @throws ProtocolError -32002 nothing of that URI; -32602 it tells of no changes; -32603 too many
   */
  watch(uri: string, caller: Caller, session: Session): Promise<void>;
  /** The catalog may be another. */
  changed(): void;
  readonly size: number;
  /** Ends all of them the way a server says that it meant to. */
  close(): void;
}

/** What one caller may watch. */
const MAX_WATCHED = 256;
/** Of the URI of a resource that is watched: it is kept as long as somebody does. */
const MAX_URI_CHARS = 4096;
/** How long an answer waits for a downstream to say whether it tells of something. */
const GRANT_MS = 2000;

/** What can be asked for, the capability that it is of, the lists that it is about, and the notice. */
const KINDS = [
  ['toolsListChanged', 'tools', ['tools/list'], 'notifications/tools/list_changed'],
  ['promptsListChanged', 'prompts', ['prompts/list'], 'notifications/prompts/list_changed'],
  [
    'resourcesListChanged',
    'resources',
    ['resources/list', 'resources/templates/list'],
    'notifications/resources/list_changed',
  ],
] as const;

interface Listener {
  readonly caller: Caller;
  readonly hears: (kind: string) => boolean;
  /** What it was shown last. */
  view: View | undefined;
  readonly notify: Notify;
  /** Ends it the way a server says that it meant to. */
  end(): void;
}

/** @param viewOf  undefined where what the caller was shown is no more */
export function createListeners(
  viewOf: (caller: Caller) => View | undefined,
  rounds: Rounds,
  limits: Pick<Limits, 'maxListeners'>,
): Listeners {
  const listeners = new Set<Listener>();
  const watches = createWatches(viewOf, rounds);
  const startedAt = Date.now();
  let isClosed = false;

  /** What a session that asks for a stream was shown last: one of before a restart, nobody knows what. */
  function shownTo(session: Session, caller: Caller): View | undefined {
    const isOlder = session.until - SESSION_TTL_MS < startedAt;
    return session.shown ?? (isOlder ? undefined : viewOf(caller));
  }

  /** Where what it is shown now is other than before. */
  function tellChanges(listener: Listener): void {
    const { view: before, caller } = listener;
    const view = viewOf(caller);
    listener.view = view;
    if (view === undefined) return listener.end();
    for (const [kind, , methods, notice] of KINDS) {
      if (listener.hears(kind) && methods.some((method) => differs(before, view, method, caller.era)))
        listener.notify(notice);
    }
  }

  /** @param leaving  how many of those that listen will have gone then */
  function insistOnRoom(leaving = 0): void {
    const { maxListeners } = limits;
    if (listeners.size - leaving >= maxListeners) throw tooManyListeners(maxListeners);
  }

  return {
    listen({ id, params }, caller, reply, onOver) {
      const tag = { _meta: { [META.subscriptionId]: id } };
      const asked = params?.notifications;
      if (!isObject(asked)) throw noFilter();
      const { capabilities, extensions } = readDeclared((params?._meta as Params)?.[META.clientCapabilities]);
      if (asked.taskIds !== undefined) insistOnTasks(extensions);
      const honored: Params = {};
      const offered = viewOf(caller)?.capabilities ?? {};
      for (const [kind, capability] of KINDS) {
        if (asked[kind] === true && offered[capability] !== undefined) honored[kind] = true;
      }
      /** What came before it was said what will be heard; undefined from then on. */
      let early: (() => void)[] | undefined = [];
      const send = (method: string, given: Params = {}) => {
        try {
          reply.notify({ jsonrpc: '2.0', method, params: { ...tag, ...given } });
        } catch {
          // Nested too deep to be written.
        }
      };
      const acknowledge = () => {
        const waiting = early ?? [];
        if (early === undefined || !listeners.has(listener)) return;
        early = undefined;
        send('notifications/subscriptions/acknowledged', { notifications: honored });
        for (const tell of waiting) tell();
      };
      const listener: Listener = {
        caller,
        hears: (kind) => honored[kind] === true,
        view: viewOf(caller),
        notify(method, given) {
          if (early === undefined) send(method, given);
          else if (early.length < MAX_WATCHED) early.push(() => send(method, given));
        },
        end() {
          acknowledge();
          const _meta = { ...tag._meta, ...OWN_META };
          reply.end(writeResult(id, JSON.stringify({ resultType: 'complete', _meta })));
          leave();
        },
      };
      const watched: Record<string, ReadonlyMap<string, Watch>> = {};
      const everyWatch = () => Object.values(watched).flatMap((ofField) => [...ofField.values()]);
      const leave = () => {
        if (!listeners.delete(listener)) return;
        for (const watch of everyWatch()) watch.stop();
        onOver();
      };
      insistOnRoom();
      // Over a pipe it may have stopped asking, and read on.
      if (!reply.listening(() => (reply.isGone ? leave() : listener.end()))) {
        throw new ProtocolError(RPC.invalidRequest, 'To listen, accept text/event-stream.');
      }
      listeners.add(listener);
      watched.resourceSubscriptions = watchEach(asked.resourceSubscriptions, (uri) =>
        uri.length > MAX_URI_CHARS ? undefined : watches.watch(uri, caller, listener.notify),
      );
      watched.taskIds = watchEach(asked.taskIds, (taskId) =>
        watches.watchTask(taskId, caller, capabilities, listener.notify),
      );
      const granting = everyWatch().map(({ granted }) => granted);
      if (granting.length === 0) acknowledge();
      else {
        void within(GRANT_MS, Promise.all(granting)).then(() => {
          for (const [field, ofField] of Object.entries(watched)) {
            if (ofField.size > 0) honored[field] = [...ofField.keys()];
          }
          acknowledge();
        });
      }
      if (isClosed) listener.end();
      return {
        get hasEnded() {
          return !listeners.has(listener);
        },
        cancel() {
          leave();
          reply.abandon();
        },
        callerLeft: leave,
      };
    },
    open(caller, session, reply) {
      const listener: Listener = {
        caller,
        hears: () => true,
        view: shownTo(session, caller),
        notify: (method, params) =>
          reply.notify({ jsonrpc: '2.0', method, ...(params !== undefined && { params }) }),
        end() {
          leave();
          reply.abandon();
        },
      };
      const leave = () => {
        listeners.delete(listener);
        if (session.notify !== listener.notify) return;
        session.notify = undefined;
        session.endStream = undefined;
        session.shown = listener.view;
        session.usedAt = performance.now();
      };
      insistOnRoom(session.notify === undefined ? 0 : 1);
      if (!reply.listening(leave)) return false;
      session.endStream?.();
      listeners.add(listener);
      session.notify = listener.notify;
      session.endStream = listener.end;
      tellChanges(listener);
      if (isClosed) listener.end();
      return true;
    },
    async watch(uri, caller, session) {
      if (session.isClosed) throw new ProtocolError(RPC.invalidRequest, 'This session has ended.');
      if (uri.length > MAX_URI_CHARS) throw tooLongToWatch();
      const known = session.watches.get(uri);
      if (known === undefined && session.watches.size >= MAX_WATCHED) {
        throw new ProtocolError(RPC.internalError, `More than ${MAX_WATCHED} resources are watched already.`);
      }
      const watch = known ?? watches.watch(uri, caller, (method, params) => session.notify?.(method, params));
      if (watch !== undefined) {
        session.watches.set(uri, watch);
        let isRefused = false;
        await within(
          GRANT_MS,
          watch.granted.then((isGranted) => {
            isRefused = !isGranted;
          }),
        );
        if (!isRefused) return;
        // It may have been given up meanwhile, and asked for anew.
        if (session.watches.get(uri) === watch) session.stopWatching(uri);
      }
      if (viewOf(caller)?.resources.routeOf(uri) === undefined) throw unknownResource(uri, caller.era);
      throw new ProtocolError(RPC.invalidParams, 'Changes of this resource are not told.');
    },
    changed() {
      watches.changed();
      for (const listener of listeners) tellChanges(listener);
    },
    get size() {
      return listeners.size;
    },
    close() {
      isClosed = true;
      for (const listener of listeners) listener.end();
    },
  };
}

/** Those of the wanted that their downstreams tell of; where that is not known yet, they may. */
function watchEach(
  wanted: unknown,
  begin: (wanted: string) => Watch | undefined,
): ReadonlyMap<string, Watch> {
  const watched = new Map<string, Watch>();
  for (const each of new Set(Array.isArray(wanted) ? wanted.slice(0, MAX_WATCHED) : [])) {
    const watch = typeof each === 'string' ? begin(each) : undefined;
    if (watch === undefined) continue;
    watched.set(each, watch);
    void watch.granted.then((isGranted) => isGranted || watched.delete(each));
  }
  return watched;
}

const noFilter = () =>
  new ProtocolError(RPC.invalidParams, 'params.notifications must be an object that says what to hear of.');

const tooLongToWatch = () =>
  new ProtocolError(RPC.invalidParams, `A URI that is watched has at most ${MAX_URI_CHARS} characters.`);

/** In what is listed for its era; for how long it is fresh is no change of it. */
function differs(before: View | undefined, after: View, method: string, era: Era): boolean {
  if (before === after) return false;
  const [old, fresh] = [before, after].map(
    (view) => view?.lists.get(method)?.content[era] ?? Buffer.alloc(0),
  );
  return old?.equals(fresh as Buffer) !== true;
}
