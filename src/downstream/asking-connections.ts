import type { Params } from '../protocol/messages.ts';
import { isCutOff } from './causes.ts';
import type { Connection } from './connection.ts';

/**
 * Further connections to a downstream of the legacy era, one for each set of capabilities that callers declare. Such a
 * downstream is told once, at its handshake, what it may ask; it must not be told of one caller what is true of another.
 */
export interface AskingConnections {
  /**
   * The one with these capabilities, opened when it is first needed. Rejects where that cannot be done now.
   *
   * @param capabilities  as JSON, as those below
   */
  with(capabilities: string): Promise<Connection>;
  /** The same if it is open. */
  get(capabilities: string): Connection | undefined;
  /** It could not be opened a moment ago, and is not tried again yet. */
  isRefused(capabilities: string): boolean;
  /** The downstream is another than before: what it refused, it may grant. */
  forgive(): void;
  /** It has turned out to be gone, or has ended. */
  drop(lost: Connection): void;
  /** None of them is used again. */
  renew(): void;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 8;
const IDLE_MS = 10 * 60_000;
const SWEEP_MS = 60_000;
/** Many servers have one session for all, or a lock that lets no second process run. */
const REFUSED_MS = 60_000;

interface Slot {
  readonly opening: Promise<Connection>;
  opened: Connection | undefined;
  usedAt: number;
}

/**
 * @param open   is told how the connection says that it has ended
 * @param leave  takes one that is used no more, as soon as what runs on it has finished
 */
export function createAskingConnections(
  open: (capabilities: Params, onClosed: () => void) => Promise<Connection>,
  leave: (connection: Connection) => void,
): AskingConnections {
  const slots = new Map<string, Slot>();
  /** Until when it is not tried again. */
  const refused = new Map<string, number>();
  let sweeping: NodeJS.Timeout | undefined;

  /** False where it was not in use any more. */
  function remove(key: string, slot: Slot): boolean {
    const wasThere = slots.get(key) === slot && slots.delete(key);
    if (slots.size === 0) clearInterval(sweeping);
    return wasThere;
  }

  function dismiss(key: string, slot: Slot): void {
    if (remove(key, slot)) slot.opening.then(leave, () => {});
  }

  async function close(key: string, slot: Slot): Promise<void> {
    remove(key, slot);
    const connection = await slot.opening.catch(() => undefined);
    await connection?.close().catch(() => {});
  }

  function sweep(olderThanMs: number): void {
    const now = performance.now();
    for (const [key, slot] of slots) {
      const isIdle = slot.opened?.link.running === 0 && now - slot.usedAt >= olderThanMs;
      if (isIdle) void close(key, slot);
    }
  }

  const isRefused = (key: string) => performance.now() < (refused.get(key) ?? 0);

  return {
    isRefused,
    forgive: () => refused.clear(),
    get(key) {
      const slot = slots.get(key);
      if (slot !== undefined) slot.usedAt = performance.now();
      return slot?.opened;
    },
    with(key) {
      const known = slots.get(key);
      if (known !== undefined) return known.opening;
      if (isRefused(key)) return Promise.reject(new Error('it refused a moment ago'));
      if (slots.size >= MAX_CONNECTIONS) sweep(0);
      if (slots.size >= MAX_CONNECTIONS) {
        return Promise.reject(new Error('too many kinds of callers ask it things'));
      }
      const slot: Slot = {
        opening: open(JSON.parse(key), () => dismiss(key, slot)),
        opened: undefined,
        usedAt: performance.now(),
      };
      slots.set(key, slot);
      if (slots.size === 1) sweeping = setInterval(() => sweep(IDLE_MS), SWEEP_MS).unref();
      slot.opening.then(
        (connection) => {
          slot.opened = connection;
        },
        (error: unknown) => {
          remove(key, slot);
          // Nobody was there to refuse it.
          if (isCutOff(error)) return;
          if (refused.size >= MAX_CONNECTIONS) refused.clear();
          refused.set(key, performance.now() + REFUSED_MS);
        },
      );
      return slot.opening;
    },
    drop(lost) {
      for (const [key, slot] of slots) if (slot.opened === lost) dismiss(key, slot);
    },
    renew() {
      for (const [key, slot] of slots) dismiss(key, slot);
      refused.clear();
    },
    async close() {
      await Promise.all([...slots].map(([key, slot]) => close(key, slot)));
    },
  };
}
