import { afterEach, expect, test } from 'vitest';
import { createSessions, type Sessions } from '../../src/caller/sessions.ts';
import { createSeal } from '../../src/relay/seal.ts';

const LIMITS = { maxSessions: 1000, sessionIdleMs: 600_000 };

const opened: Sessions[] = [];
afterEach(() => {
  for (const sessions of opened.splice(0)) sessions.close();
});

function create(maxEnded?: number, maxSessions = LIMITS.maxSessions): Sessions {
  const limits = { ...LIMITS, maxSessions };
  const sessions = createSessions(createSeal('a token', 'session', 60_000), limits, () => {}, maxEnded);
  opened.push(sessions);
  return sessions;
}

function end(sessions: Sessions, id: string): void {
  const session = sessions.find(id);
  if (session !== undefined) sessions.end(session);
}

test('a session that was ended stays ended, however many others end', () => {
  const sessions = create();
  const id = sessions.issue({ roots: {} });
  expect(sessions.find(id)?.capabilities).toEqual({ roots: {} });
  end(sessions, id);
  for (let i = 0; i < 3000; i++) end(sessions, sessions.issue({}));
  expect(sessions.find(id)).toBeUndefined();
});

test('one that another process has ended is closed here as well', () => {
  const sessions = create();
  const id = sessions.issue({ roots: {} });
  const here = sessions.find(id);
  const elsewhere = createSessions(createSeal('a token', 'session', 60_000), LIMITS, sessions.hearEnded);
  opened.push(elsewhere);
  end(elsewhere, id);
  expect(here?.isClosed).toBe(true);
  expect(sessions.find(id)).toBeUndefined();
});

test('of those that were ended the ones that would end first by themselves are forgotten first', () => {
  const sessions = create(100);
  const first = sessions.issue({});
  const { until } = sessions.find(first) ?? {};
  const others: string[] = [];
  while (others.length < 110) {
    const id = sessions.issue({});
    if (sessions.find(id)?.until !== until) others.push(id);
  }
  // In another order than they were given out.
  for (const id of [...others.slice(0, 50), first, ...others.slice(50)]) end(sessions, id);
  expect(sessions.find(first)).toBeDefined();
  for (const id of others.slice(-100)) expect(sessions.find(id)).toBeUndefined();
});

test('one that is waited for gives way to none, and is not looked at for each that comes', () => {
  const sessions = create();
  const busy = Array.from({ length: 500 }, () => sessions.find(sessions.issue({})));
  let looks = 0;
  for (const session of busy) {
    if (session === undefined) throw new Error('It is not known');
    Object.defineProperty(session, 'isBusy', { get: () => ++looks > 0 });
  }
  for (let i = 0; i < 5000; i++) sessions.find(sessions.issue({}));
  for (const session of busy) expect(sessions.find(session?.id as string)).toBe(session);
  expect(looks).toBeLessThan(10_000);
});

test('more than a thousand that wait for nothing are not held: the one used least lately gives way', () => {
  const sessions = create();
  const ended: string[] = [];
  const ids = Array.from({ length: 1001 }, (_none, index) => {
    const id = sessions.issue({});
    const stop = () => void ended.push(String(index));
    sessions.find(id)?.watches.set('x', { granted: Promise.resolve(true), stop });
    return id;
  });
  expect(ended).toEqual(['0']);
  // What it declared is known still.
  expect(sessions.find(ids[0] as string)).toBeDefined();
  expect(ended).toEqual(['0', '1']);
});

test('the one used least lately gives way, however often each was used', () => {
  const sessions = create(undefined, 2);
  const [a, b] = [sessions.issue({}), sessions.issue({})];
  const [first, second] = [sessions.find(a), sessions.find(b)];
  for (const id of [b, a, a]) sessions.find(id);
  sessions.find(sessions.issue({}));
  expect([first?.isClosed, second?.isClosed]).toEqual([false, true]);
});

test('where there is room for one alone, it gives way though it is waited for', () => {
  const sessions = create(undefined, 1);
  const only = sessions.find(sessions.issue({}));
  if (only !== undefined) only.notify = () => {};
  expect(only?.isBusy).toBe(true);
  sessions.find(sessions.issue({}));
  expect(only?.isClosed).toBe(true);
});

test('a number of sessions that is lowered counts with the next one that comes', () => {
  const limits = { ...LIMITS };
  const sessions = createSessions(createSeal('a token', 'session', 60_000), limits);
  opened.push(sessions);
  const live = Array.from({ length: 20 }, () => sessions.find(sessions.issue({ roots: {} })));
  limits.maxSessions = 5;
  const last = sessions.find(sessions.issue({ roots: {} }));
  expect([...live, last].filter((session) => session?.isClosed === false)).toHaveLength(5);
});
