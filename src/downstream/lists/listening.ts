import type { Client, McpSubscription } from '@modelcontextprotocol/client';
import { deferred, within } from '../../promises.ts';
import { TASKS } from '../../protocol/extensions.ts';
import { RPC } from '../../protocol/messages.ts';
import { isCutOff } from '../causes.ts';
import { backoffMs } from '../connecting/backoff.ts';

/** One stream of notices of a downstream of the modern era, opened again whenever it is cut. */
export interface Listening {
  /** Resolves when it is open for the first time, or there is nothing to hear. */
  readonly opened: Promise<void>;
  /** What it should hear of is other than before. Resolves when that was asked for, whatever came of it. */
  refresh(): Promise<void>;
  /** Whether the downstream has said that it tells of this resource. */
  hears(uri: string): boolean;
  /** Whether a stream was opened that is to tell of this task: in a form that the SDK passes on, nothing more is said. */
  hearsOfTask(taskId: string): boolean;
  close(): void;
}

interface Wanted {
  readonly uris: string[];
  readonly taskIds: string[];
}

const OPEN_TIMEOUT_MS = 5000;
/** A stream that ends sooner than this counts as a failed attempt. */
const STABLE_MS = 10_000;
/** What changes together is told together. */
const COALESCE_MS = 50;

/**
 * @param wanted     the resources and tasks to hear of
 * @param onMissed   it was cut, and is open again: something may have changed meanwhile
 */
export function keepListening(client: Client, wanted: () => Wanted, onMissed: () => void): Listening {
  const opened = deferred<void>();
  const closing = deferred<'changed'>();
  let isClosed = false;
  let wake = () => {};
  let heard: Wanted = { uris: [], taskIds: [] };
  /** Those who wait until what is wanted was asked for. */
  let asked = deferred<void>();

  function filterOf() {
    const { tools, prompts, resources, extensions } = client.getServerCapabilities() ?? {};
    const { uris, taskIds } = wanted();
    const watched = resources?.subscribe === true ? uris : [];
    const hasTasks = extensions?.[TASKS] !== undefined && taskIds.length > 0;
    const filter = {
      ...(tools?.listChanged === true && { toolsListChanged: true }),
      ...(prompts?.listChanged === true && { promptsListChanged: true }),
      ...(resources?.listChanged === true && { resourcesListChanged: true }),
      ...(watched.length > 0 && { resourceSubscriptions: watched }),
      ...(hasTasks && { taskIds }),
    };
    return Object.keys(filter).length > 0 ? filter : undefined;
  }

  async function run(): Promise<void> {
    let current: McpSubscription | undefined;
    let failures = 0;
    let wasCut = false;
    while (!isClosed) {
      const changed = deferred<'changed'>();
      wake = () => changed.resolve('changed');
      const told = asked;
      asked = deferred();
      const filter = filterOf();
      const startedAt = performance.now();
      let next: McpSubscription | undefined;
      if (filter !== undefined) {
        try {
          next = await client.listen(filter, { timeout: OPEN_TIMEOUT_MS });
        } catch (error) {
          opened.resolve();
          // Nobody was there who could refuse it.
          if (isCutOff(error)) void asked.promise.then(told.resolve);
          else told.resolve();
          if ((error as { code?: unknown }).code === RPC.methodNotFound) return;
          await within(backoffMs(++failures), closing.promise);
          continue;
        }
      }
      // The new one first: nothing is missed between the two.
      const before = current;
      current = next;
      void before?.close();
      // Also noticed while one that is wider cannot be opened.
      const cut = next?.closed.then(() => {
        if (current !== next) return;
        current = undefined;
        wasCut = true;
      });
      heard = {
        uris: next?.honoredFilter.resourceSubscriptions ?? [],
        taskIds: (next !== undefined && filter?.taskIds) || [],
      };
      told.resolve();
      if (wasCut) onMissed();
      wasCut = false;
      opened.resolve();
      const over = await Promise.race([closing.promise, changed.promise, ...(cut ? [cut] : [])]);
      if (over === 'changed') {
        await within(COALESCE_MS, closing.promise);
        continue;
      }
      failures = performance.now() - startedAt > STABLE_MS ? 0 : failures + 1;
      await within(backoffMs(Math.max(failures, 1)), closing.promise);
    }
    void current?.close();
  }
  // What fails here is a stream of notices: lists are still read anew when their time is over.
  run()
    .catch(() => opened.resolve())
    .finally(() => {
      isClosed = true;
      asked.resolve();
    });

  return {
    opened: opened.promise,
    refresh() {
      wake();
      return asked.promise;
    },
    hears: (uri) => heard.uris.includes(uri),
    hearsOfTask: (taskId) => heard.taskIds.includes(taskId),
    close() {
      isClosed = true;
      closing.resolve('changed');
      asked.resolve();
    },
  };
}
