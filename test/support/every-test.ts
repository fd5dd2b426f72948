import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeEach } from 'vitest';
import { takeProblems } from './watch.ts';

// What holds after every test of every suite (see vitest.config.ts): nothing that the test opened is open, no process
// that it started lives, and nothing left a gateway that must not (watch.ts). Unhandled rejections fail a run by themselves.

/** What is closed after its last user has gone, a moment later; on a busy machine, that can be long. */
const PATIENCE_MS = 20_000;
/** Of what libuv holds: timers belong to the runner as well, and a timer of ours that matters holds a call. */
const COUNTED = /Socket|Server|Pipe|Process|FSEvent|TTY/;

/** What was open and alive at some time. */
interface Base {
  readonly handles: ReadonlyMap<string, number>;
  readonly children: ReadonlySet<number>;
}

const started: ChildProcess[] = [];
subscribe('child_process', (message) => void started.push((message as { process: ChildProcess }).process));

const atStart = base();

beforeEach(({ task, onTestFinished }) => {
  const before = base();
  // Of tests that run at once, or share servers that open and close as they like, the last one tells.
  const isShared = task.concurrent === true || before.handles.has('TCPServerWrap');
  // What a test itself hands to onTestFinished is over by then, as all that it has in `using`.
  onTestFinished(async () => {
    const problems = takeProblems();
    if (!isShared) problems.push(...(await leftAfter(before)));
    if (problems.length > 0) throw new Error(`after the test: ${problems.join('; ')}`);
  });
});

afterAll(async () => {
  const left = await leftAfter(atStart);
  if (left.length > 0) throw new Error(`after the last test: ${left.join('; ')}`);
});

function base(): Base {
  return { handles: openHandles(), children: new Set(livingChildren()) };
}

async function leftAfter(before: Base): Promise<string[]> {
  const until = performance.now() + PATIENCE_MS;
  let left = leftBehind(before);
  while (left.length > 0 && performance.now() < until) {
    await sleep(10);
    left = leftBehind(before);
  }
  return left;
}

function leftBehind({ handles, children }: Base): string[] {
  const open = [...openHandles()].filter(([kind, count]) => count > (handles.get(kind) ?? 0));
  const alive = livingChildren().filter((pid) => !children.has(pid));
  return [
    ...open.map(([kind, count]) => `${kind}: ${count}, ${handles.get(kind) ?? 0} before it`),
    ...alive.map((pid) => `process ${pid} lives`),
  ];
}

function openHandles(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (COUNTED.test(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** Processes that were started here, and what they started in turn: a child leads a session of its own. */
function livingChildren(): number[] {
  const leaders = new Set(started.flatMap(({ pid }) => pid ?? []));
  if (leaders.size === 0 || process.platform !== 'linux') return [];
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    const [state, , , session] = statOf(entry);
    const pid = Number(entry);
    return state !== 'Z' && (leaders.has(pid) || leaders.has(Number(session))) ? [pid] : [];
  });
}

/** State, parent, group, session, as `proc(5)` has them behind the name. */
function statOf(pid: string): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return ['Z'];
  }
}
