import { randomUUID } from 'node:crypto';
import type { Limits } from '../config/config.ts';
import type { Seal } from '../relay/seal.ts';
import { type Declared, readDeclared, Session } from './session.ts';

/**
 * The sessions of callers of the legacy era. An id says itself what was declared with it, sealed: a process that has
 * been restarted, or another one with the same token, knows it as well, and none holds anything for who never comes back.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management
 */
export interface Sessions {
  /** An id for a caller that has sent `initialize` with these. */
  issue(declared: unknown): string;
  /** Undefined for an id that is not from here, is too old, or was given up. */
  find(id: string): Session | undefined;
  end(session: Session): void;
  close(): void;
}

export const SESSION_TTL_MS = 30 * 24 * 3600_000;
const SWEEP_MS = 60_000;
const ABOUT = 'session';

export function createSessions(
  seal: Seal,
  { maxSessions, sessionIdleMs }: Pick<Limits, 'maxSessions' | 'sessionIdleMs'>,
): Sessions {
  const live = new Map<string, Session>();
  /** Their ids would open still. */
  const ended = new Set<string>();
  const sweeping = setInterval(() => sweep(sessionIdleMs), Math.min(SWEEP_MS, sessionIdleMs)).unref();

  function drop(session: Session): void {
    live.delete(session.id as string);
    session.close();
  }

  function sweep(olderThanMs: number): void {
    const now = performance.now();
    for (const session of live.values()) {
      if (!session.isBusy && now - session.usedAt > olderThanMs) drop(session);
    }
  }

  /** The one that was used least lately; one that nobody waits for, if there is such. */
  function makeRoom(): void {
    let oldest: Session | undefined;
    for (const session of live.values()) {
      const isBetter =
        oldest === undefined ||
        (oldest.isBusy && !session.isBusy) ||
        (oldest.isBusy === session.isBusy && session.usedAt < oldest.usedAt);
      if (isBetter) oldest = session;
    }
    if (oldest !== undefined) drop(oldest);
  }

  function open(id: string): Session | undefined {
    const text = ended.has(id) ? undefined : seal.open(id, ABOUT);
    if (text === undefined) return undefined;
    const declared = JSON.parse(text) as Declared;
    if (live.size >= maxSessions) makeRoom();
    const session = new Session(id, declared);
    live.set(id, session);
    return session;
  }

  return {
    issue: (declared) => seal.seal(JSON.stringify({ ...readDeclared(declared), nonce: randomUUID() }), ABOUT),
    find(id) {
      const session = live.get(id) ?? open(id);
      if (session !== undefined) session.usedAt = performance.now();
      return session;
    },
    end(session) {
      if (session.id === undefined) return;
      if (ended.size >= maxSessions) {
        const [first] = ended;
        ended.delete(first as string);
      }
      ended.add(session.id);
      drop(session);
    },
    close() {
      clearInterval(sweeping);
      for (const session of live.values()) drop(session);
    },
  };
}
