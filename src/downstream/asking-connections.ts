import type { Params } from '../protocol/messages.ts';
import type { Connection } from './connection.ts';

/**
 * Further connections to a downstream of the legacy era, one for each set of capabilities that callers declare. Such a
 * downstream is told once, at its handshake, what it may ask; it must not be told of one caller what is true of another.
 */
export interface AskingConnections {
  /** The one with these capabilities, opened when it is first needed. */
  with(capabilities: Params): Promise<Connection>;
  /** The same if it is open. */
  get(capabilities: Params): Connection | undefined;
  /** It has turned out to be gone, or has ended. */
  drop(lost: Connection): void;
  /** Requests that wait for their answer. */
  readonly running: number;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 8;
const IDLE_MS = 10 * 60_000;
const SWEEP_MS = 60_000;

interface Slot {
  readonly opening: Promise<Connection>;
  opened: Connection | undefined;
  usedAt: number;
}

/** @param open  is told how the connection says that it has ended */
export function createAskingConnections(
  open: (capabilities: Params, onClosed: () => void) => Promise<Connection>,
): AskingConnections {
  const slots = new Map<string, Slot>();
  let sweeping: NodeJS.Timeout | undefined;

  function remove(key: string, slot: Slot, how: 'retire' | 'close'): Promise<void> {
    if (slots.get(key) === slot) slots.delete(key);
    if (slots.size === 0) clearInterval(sweeping);
    return slot.opening.then(
      (connection) => connection[how]().catch(() => {}),
      () => {},
    );
  }

  function sweep(olderThanMs: number): void {
    const now = performance.now();
    for (const [key, slot] of slots) {
      const isIdle = slot.opened?.link.running === 0 && now - slot.usedAt >= olderThanMs;
      if (isIdle) void remove(key, slot, 'close');
    }
  }

  return {
    get(capabilities) {
      const slot = slots.get(JSON.stringify(capabilities));
      if (slot !== undefined) slot.usedAt = performance.now();
      return slot?.opened;
    },
    with(capabilities) {
      const key = JSON.stringify(capabilities);
      const known = slots.get(key);
      if (known !== undefined) return known.opening;
      if (slots.size >= MAX_CONNECTIONS) sweep(0);
      if (slots.size >= MAX_CONNECTIONS) {
        return Promise.reject(new Error('too many kinds of callers ask it things'));
      }
      const slot: Slot = {
        opening: open(capabilities, () => void remove(key, slot, 'retire')),
        opened: undefined,
        usedAt: performance.now(),
      };
      slots.set(key, slot);
      if (slots.size === 1) sweeping = setInterval(() => sweep(IDLE_MS), SWEEP_MS).unref();
      slot.opening.then(
        (connection) => {
          slot.opened = connection;
        },
        () => void remove(key, slot, 'close'),
      );
      return slot.opening;
    },
    drop(lost) {
      for (const [key, slot] of slots) if (slot.opened === lost) void remove(key, slot, 'retire');
    },
    get running() {
      let running = 0;
      for (const { opened } of slots.values()) running += opened?.link.running ?? 0;
      return running;
    },
    async close() {
      await Promise.all([...slots].map(([key, slot]) => remove(key, slot, 'close')));
    },
  };
}
