import type { Limits } from '../config/config.ts';
import type { Seal } from '../relay/seal.ts';
import { type Declared, markOf, readDeclared, Session } from './session.ts';

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
  /** The same, of one that another process has ended. */
  hearEnded(end: SessionEnd): void;
  close(): void;
}

/** What is to be known of a session that was given up. */
export interface SessionEnd {
  /** Tells its id apart. */
  readonly mark: string;
  /** When the id would have ended by itself. */
  readonly until: number;
}

export const SESSION_TTL_MS = 30 * 24 * 3600_000;
/** Of each its id is known no longer than it would open. Of more, those that end soonest are forgotten, a tenth at a time. */
const MAX_ENDED = 50_000;
const SWEEP_MS = 60_000;
const ABOUT = 'session';

/**
 * @param limits    those in force
 * @param onEnded   told of each that is given up
 * @param maxEnded  how many that were ended are known to be
 */
export function createSessions(
  seal: Seal,
  limits: Pick<Limits, 'maxSessions' | 'sessionIdleMs'>,
  onEnded: (end: SessionEnd) => void = () => {},
  maxEnded = MAX_ENDED,
): Sessions {
  /** By what tells their ids apart. The one that was used least lately is the first. */
  const live = new Map<string, Session>();
  /** The last of them. */
  let newest: Session | undefined;
  /** When ids that would open still end by themselves, by what tells them apart. */
  const ended = new Map<string, number>();
  const sweeping = setInterval(
    () => sweep(limits.sessionIdleMs),
    Math.min(SWEEP_MS, limits.sessionIdleMs),
  ).unref();

  function drop(session: Session): void {
    live.delete(session.mark);
    if (session === newest) newest = undefined;
    session.close();
  }

  function putLast(session: Session): void {
    live.delete(session.mark);
    live.set(session.mark, session);
    newest = session;
  }

  function sweep(olderThanMs: number): void {
    const now = performance.now();
    for (const session of live.values()) {
      if (!session.isBusy && now - session.usedAt > olderThanMs) drop(session);
    }
  }

  /**
   * The one that was used least lately; one that nobody waits for, if there is such. One with calls stays: they could not be
   * cancelled any more, and what they ask would have no answer.
   *
   * @returns  false where there is none
   */
  function makeRoom(): boolean {
    const gives = firstNot(({ isBusy }) => isBusy) ?? firstNot(({ hasCalls }) => hasCalls);
    if (gives !== undefined) drop(gives);
    return gives !== undefined;
  }

  function firstNot(isNeeded: (session: Session) => boolean): Session | undefined {
    let left = live.size;
    for (const session of live.values()) {
      if (left-- === 0) break;
      if (!isNeeded(session)) return session;
      // It is being used, and not to be looked at again for each that comes.
      putLast(session);
    }
    return undefined;
  }

  function open(id: string): Session | undefined {
    const text = ended.has(markOf(id)) ? undefined : seal.open(id, ABOUT);
    if (text === undefined) return undefined;
    const { until, ...declared } = JSON.parse(text) as Declared & { until: number };
    while (live.size >= limits.maxSessions && makeRoom());
    return new Session(id, declared, until);
  }

  function hearEnded({ mark, until }: SessionEnd): void {
    ended.set(mark, until);
    if (ended.size > maxEnded * 1.1) forgetEnded();
    const session = live.get(mark);
    if (session !== undefined) drop(session);
  }

  /** Those that have ended by themselves, or do so next. */
  function forgetEnded(): void {
    const [soonest = 0] = Float64Array.from(ended.values()).sort().subarray(-maxEnded);
    for (const [mark, until] of ended) if (until < soonest) ended.delete(mark);
  }

  return {
    issue: (declared) =>
      seal.seal(JSON.stringify({ ...readDeclared(declared), until: Date.now() + SESSION_TTL_MS }), ABOUT),
    find(id) {
      const known = live.get(markOf(id));
      const session = known?.id === id ? known : open(id);
      if (session === undefined) return undefined;
      if (session !== newest) putLast(session);
      session.usedAt = performance.now();
      return session;
    },
    end(session) {
      if (session.id === undefined) return;
      const end = { mark: session.mark, until: session.until };
      hearEnded(end);
      onEnded(end);
    },
    hearEnded,
    close() {
      clearInterval(sweeping);
      for (const session of live.values()) drop(session);
    },
  };
}
