import { randomUUID } from 'node:crypto';
import type { Limits } from '../config/config.ts';

/** A call that has asked its caller something and waits, here and downstream, until that comes back with the answer. */
export interface ParkedCall {
  /** Meanwhile: how, its caller hears when it comes back. */
  readonly hasEnded: boolean;
  /** Nobody came for it. */
  giveUp(): void;
}

/** The calls that wait. Few and not for long: each holds a connection of its downstream. */
export interface Parked<Call extends ParkedCall = ParkedCall> {
  /** The id under which it is taken up again; undefined where there is no room. */
  add(call: Call): string | undefined;
  /** Finds it and takes it out. */
  take(id: string): Call | undefined;
  /** How many have not ended. */
  readonly size: number;
  close(): void;
}

const PARKED_MS = 5 * 60_000;

/** @param limits  those in force: what is read from them is what counts then */
export function createParked<Call extends ParkedCall>(limits: Pick<Limits, 'maxParked'>): Parked<Call> {
  const calls = new Map<string, { call: Call; timer: NodeJS.Timeout }>();
  function take(id: string): Call | undefined {
    const parked = calls.get(id);
    clearTimeout(parked?.timer);
    calls.delete(id);
    return parked?.call;
  }
  /** One that has ended holds its result and nothing else: it goes where there is no other room. */
  function makeRoom(): void {
    if (calls.size < limits.maxParked) return;
    for (const [id, { call }] of calls) if (call.hasEnded) return void take(id);
  }

  return {
    add(call) {
      makeRoom();
      if (calls.size >= limits.maxParked) return undefined;
      const id = randomUUID();
      calls.set(id, { call, timer: setTimeout(() => take(id)?.giveUp(), PARKED_MS) });
      return id;
    },
    take,
    get size() {
      return [...calls.values()].filter(({ call }) => !call.hasEnded).length;
    },
    close() {
      for (const id of [...calls.keys()]) take(id)?.giveUp();
    },
  };
}
