import type { View } from '../catalog/view.ts';
import type { Downstream } from '../downstream/downstream.ts';
import type { Watch } from '../downstream/lists/hearings.ts';
import { TASKS } from '../protocol/extensions.ts';
import type { Params } from '../protocol/messages.ts';
import type { Rounds } from '../relay/dialogue.ts';
import { exposeState, findTask } from '../relay/tasks.ts';
import type { Caller } from './caller.ts';

/** What callers watch: single resources and tasks, wherever these are. */
export interface Watches {
  /** Undefined where nobody tells of changes of it. */
  watch(uri: string, caller: Caller, notify: Notify): Watch | undefined;
  /** Undefined where nobody tells of it. */
  watchTask(
    exposedId: string,
    caller: Caller,
    capabilities: Params | undefined,
    notify: Notify,
  ): Watch | undefined;
  /** The catalog may be another. */
  changed(): void;
}

export type Notify = (method: string, params?: Params) => void;

/** @param viewOf  undefined where what the caller was shown is no more */
export function createWatches(viewOf: (caller: Caller) => View | undefined, rounds: Rounds): Watches {
  const all = new Set<FollowingWatch>();

  function follow(find: () => Found | undefined): Watch | undefined {
    const watch = new FollowingWatch(find, () => all.delete(watch));
    if (!watch.hasBegun) return undefined;
    all.add(watch);
    return watch;
  }

  return {
    watch: (uri, caller, notify) =>
      follow(() => {
        const route = viewOf(caller)?.resources.routeOf(uri);
        if (route?.downstream.listing?.subscribes === undefined) return undefined;
        const { downstream } = route;
        const tell = (updated: string) => {
          // As it was asked for; what lies below it as this caller knows it now.
          const shown = updated === route.uri ? uri : viewOf(caller)?.resources.expose(downstream, updated);
          if (shown !== undefined) notify('notifications/resources/updated', { uri: shown });
        };
        return { downstream, begin: () => downstream.wishes.watch(route.uri, tell) };
      }),
    watchTask(exposedId, caller, capabilities, notify) {
      const view = viewOf(caller);
      const task = view && findTask(exposedId, view, rounds.tasks);
      if (task === undefined) return undefined;
      const { taskId } = task;
      const { key } = task.downstream;
      return follow(() => {
        const downstream = viewOf(caller)?.downstreams.get(key);
        if (downstream?.listing?.extensions?.[TASKS] === undefined) return undefined;
        const tell = ({ _meta: _ofItsStream, ...state }: Params) => {
          const now = viewOf(caller);
          if (now === undefined) return;
          try {
            const asking = { view: now, capabilities, rounds };
            notify('notifications/tasks', exposeState(state, exposedId, downstream, asking));
          } catch {
            // It asks what this caller cannot be asked: who asks for the task hears why.
          }
        };
        return { downstream, begin: () => downstream.wishes.watchTask(taskId, tell) };
      });
    },
    changed() {
      for (const watch of all) watch.look();
    },
  };
}

/** Where that is which is watched. */
interface Found {
  readonly downstream: Downstream;
  begin(): Watch;
}

/**
 * A watch that goes on where what it is of is found at another downstream: one that a configuration had left out is
 * another when it is back.
 */
class FollowingWatch implements Watch {
  readonly #find: () => Found | undefined;
  readonly #onStopped: () => void;
  #at: Downstream | undefined;
  #watch: Watch | undefined;

  constructor(find: () => Found | undefined, onStopped: () => void) {
    this.#find = find;
    this.#onStopped = onStopped;
    this.look();
  }

  get hasBegun(): boolean {
    return this.#watch !== undefined;
  }

  /** By the downstream that it is at; false where there is none. */
  get granted(): Promise<boolean> {
    return this.#watch?.granted ?? Promise.resolve(false);
  }

  look(): void {
    const found = this.#find();
    if (found?.downstream === this.#at) return;
    this.#watch?.stop();
    this.#at = found?.downstream;
    const watch = found?.begin();
    this.#watch = watch;
    // What is refused is asked for no longer: some servers refuse all else that is asked for together with it.
    void watch?.granted.then((isGranted) => {
      if (!isGranted && watch === this.#watch) this.stop();
    });
  }

  stop(): void {
    this.#watch?.stop();
    this.#watch = undefined;
    this.#onStopped();
  }
}
