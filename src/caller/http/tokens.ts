import type { IncomingHttpHeaders } from 'node:http';
import { createRenewableSeal, type RenewableSeal } from '../../relay/seal.ts';
import { TASK_TTL_MS } from '../../relay/tasks.ts';
import { SESSION_TTL_MS } from '../sessions.ts';
import { createTokenCheck } from './token.ts';

/** The one token of the callers, and what goes out sealed with it. */
export interface Tokens {
  readonly token: string;
  /** Whether headers bear it, or one before, as long as that is accepted. */
  accepts(headers: IncomingHttpHeaders): boolean;
  readonly seals: Readonly<Record<'session' | 'requestState' | 'task', RenewableSeal>>;
  /**
   * From now on it is this one. The one before is accepted for a time, and opens what it sealed.
   *
   * @param onForgotten  the time is over
   */
  change(token: string, keepMs: number, onForgotten: () => void): void;
  close(): void;
}

/** How long a caller may take to come back with an answer. */
const STATE_TTL_MS = 15 * 60_000;

export function createTokens(first: string): Tokens {
  let token = first;
  /** By what ends its time. */
  const earlier = new Map<NodeJS.Timeout, string>();
  let check = createTokenCheck(token);
  const renewCheck = () => {
    check = createTokenCheck(token, [...earlier.values()]);
  };
  const seals = {
    session: createRenewableSeal(token, 'session', SESSION_TTL_MS),
    requestState: createRenewableSeal(token, 'requestState', STATE_TTL_MS),
    task: createRenewableSeal(token, 'task', TASK_TTL_MS),
  };
  return {
    get token() {
      return token;
    },
    accepts: (headers) => check(headers),
    seals,
    change(fresh, keepMs, onForgotten) {
      if (fresh === token) return;
      const forgetting = Object.values(seals).map((seal) => seal.renew(fresh));
      const timer = setTimeout(() => {
        earlier.delete(timer);
        renewCheck();
        for (const forget of forgetting) forget();
        onForgotten();
      }, keepMs).unref();
      earlier.set(timer, token);
      token = fresh;
      renewCheck();
    },
    close() {
      for (const timer of earlier.keys()) clearTimeout(timer);
    },
  };
}
