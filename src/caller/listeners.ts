import type { View } from '../catalog/view.ts';
import { ProtocolError } from '../errors.ts';
import { META } from '../protocol/eras.ts';
import { isObject, type Params, type Request, RPC } from '../protocol/messages.ts';
import type { RunningCall } from '../relay/forward.ts';
import type { Caller, Reply } from './caller.ts';

/**
 * Callers of the modern era that listen for changes. Each hears of the lists that it asked for, and only when what it is
 * shown of them really differs.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/utilities/subscriptions
 */
export interface Listeners {
  /**
   * Answers `subscriptions/listen`: says first what it will hear of, and then does not end.
   *
   * @param onOver  it has gone, or was ended
   * @throws ProtocolError -32600 it accepts no stream; -32603 there are too many
   */
  listen(request: Request, caller: Caller, reply: Reply, onOver: () => void): RunningCall;
  /** The catalog may be another. */
  changed(): void;
  /** Ends all of them the way a server says that it meant to. */
  close(): void;
}

/** Each is a connection that stays open. */
const MAX_LISTENERS = 1000;

/** What can be asked for, the lists that it is about, and the notice. */
const KINDS = [
  ['toolsListChanged', ['tools/list'], 'notifications/tools/list_changed'],
  ['promptsListChanged', ['prompts/list'], 'notifications/prompts/list_changed'],
  [
    'resourcesListChanged',
    ['resources/list', 'resources/templates/list'],
    'notifications/resources/list_changed',
  ],
] as const;

interface Listener {
  readonly caller: Caller;
  readonly filter: Readonly<Record<string, true>>;
  /** What it was shown last. */
  view: View;
  notify(method: string, params?: Params): void;
  end(): void;
}

export function createListeners(viewOf: (caller: Caller) => View, write: WriteResult): Listeners {
  const listeners = new Set<Listener>();
  return {
    listen({ id, params }, caller, reply, onOver) {
      if (listeners.size >= MAX_LISTENERS) {
        throw new ProtocolError(RPC.internalError, `More than ${MAX_LISTENERS} callers listen already.`);
      }
      const tag = { _meta: { [META.subscriptionId]: id } };
      const asked = isObject(params?.notifications) ? params.notifications : {};
      const filter: Record<string, true> = {};
      for (const [kind] of KINDS) if (asked[kind] === true) filter[kind] = true;
      const listener: Listener = {
        caller,
        filter,
        view: viewOf(caller),
        notify: (method, given = {}) =>
          reply.notify({ jsonrpc: '2.0', method, params: { ...tag, ...given } }),
        end: () => reply.end(write(id, JSON.stringify({ resultType: 'complete', ...tag }))),
      };
      const leave = () => {
        if (listeners.delete(listener)) onOver();
      };
      if (!reply.listening(leave)) {
        throw new ProtocolError(RPC.invalidRequest, 'To listen, accept text/event-stream.');
      }
      listeners.add(listener);
      listener.notify('notifications/subscriptions/acknowledged', { notifications: filter });
      return {
        get hasEnded() {
          return !listeners.has(listener);
        },
        cancel() {
          leave();
          reply.abandon();
        },
      };
    },
    changed() {
      for (const listener of listeners) {
        const { view: before, filter } = listener;
        const view = viewOf(listener.caller);
        listener.view = view;
        for (const [kind, methods, notice] of KINDS) {
          if (filter[kind] && methods.some((method) => differs(before, view, method)))
            listener.notify(notice);
        }
      }
    },
    close() {
      for (const listener of listeners) {
        listeners.delete(listener);
        listener.end();
      }
    },
  };
}

type WriteResult = (id: Request['id'], resultJson: string) => string;

/** In what is listed; for how long it is fresh is no change of it. */
function differs(before: View, after: View, method: string): boolean {
  if (before === after) return false;
  const [old, fresh] = [before, after].map(({ lists }) => lists.get(method)?.legacy ?? Buffer.alloc(0));
  return old?.equals(fresh as Buffer) !== true;
}
