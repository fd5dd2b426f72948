import type { RunningCall } from '../relay/forward.ts';
import type { Caller } from './caller.ts';

/**
 * The calls that a `notifications/cancelled` may name. Request ids are unique for one caller only (every SDK counts
 * from 0), so a caller that nothing tells from others is not in here: it must not be able to end another's call.
 */
export interface RunningCalls {
  add(caller: Caller, id: unknown, call: RunningCall): void;
  remove(caller: Caller, id: unknown, call: RunningCall | undefined): void;
  /** Finds the call and takes it out. */
  take(caller: Caller, id: unknown): RunningCall | undefined;
}

export function createRunningCalls(): RunningCalls {
  const calls = new Map<string, RunningCall>();
  // The type of the id counts: "1" is not 1.
  const keyOf = (session: string, id: unknown) => `${session} ${JSON.stringify(id)}`;
  return {
    add({ session }, id, call) {
      if (session !== undefined && !call.hasEnded) calls.set(keyOf(session, id), call);
    },
    remove({ session }, id, call) {
      if (session === undefined) return;
      const key = keyOf(session, id);
      if (calls.get(key) === call) calls.delete(key);
    },
    take({ session }, id) {
      if (session === undefined) return undefined;
      const key = keyOf(session, id);
      const call = calls.get(key);
      calls.delete(key);
      return call;
    },
  };
}
