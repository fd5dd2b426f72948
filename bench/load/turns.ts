import { checkCall, createListCheck, resultOf } from './check.ts';
import { Connection, headerOf, type Line } from './connection.ts';
import type { Job } from './job.ts';
import {
  callTemplates,
  firstId,
  initializedRequest,
  listTemplate,
  openingTemplate,
  withSession,
} from './requests.ts';
import { SseLine } from './sse-line.ts';

/** One request of a caller, answered and checked. */
export type Turn = (caller: Caller) => Promise<void>;

/** What a caller keeps between its requests. */
export interface Caller {
  readonly line: Line;
  readonly session: string | undefined;
}

let lastId = firstId;

/** Opens a caller's connection, and where requests do not stand alone, its conversation. */
export async function openCaller(job: Job): Promise<Caller> {
  const line = await openLine(job);
  try {
    return { line, session: job.target.front === undefined ? undefined : await openConversation(job, line) };
  } catch (error) {
    line.close();
    throw error;
  }
}

function openLine({ target: { port, front, path = '/mcp' } }: Job): Promise<Line> {
  return front === 'sse' ? SseLine.open(port, path) : Connection.open(port);
}

/** @returns the id of the session, where there is one */
export async function openConversation(job: Job, line: Line): Promise<string | undefined> {
  const id = ++lastId;
  const opened = await line.roundTrip(openingTemplate(job).write(id));
  resultOf(opened, id);
  const session = headerOf(opened.head, 'mcp-session-id');
  if (job.era === 'legacy') await line.roundTrip(withSession(initializedRequest(job), session));
  return session;
}

/** What the callers of one job do, which share its round of tools. */
export function createTurn(job: Job): Turn {
  return job.kind === 'list' ? listTurn(job) : callTurn(job);
}

/** A whole conversation on a connection of its own: discover or initialize, list, one call. */
export function createConversation(job: Job): () => Promise<void> {
  const list = listTurn(job);
  const call = callTurn(job);
  return async () => {
    const line = await openLine(job);
    try {
      const caller = { line, session: await openConversation(job, line) };
      await list(caller);
      await call(caller);
    } finally {
      line.close();
    }
  };
}

function listTurn(job: Job): Turn {
  const list = listTemplate(job);
  const check = createListCheck(job.target);
  return async ({ line, session }) => {
    const id = ++lastId;
    check(await line.roundTrip(withSession(list.write(id), session)), id);
  };
}

function callTurn(job: Job): Turn {
  const nextCall = roundRobin(callTemplates(job));
  return async ({ line, session }) => {
    const id = ++lastId;
    const { write, expect } = nextCall();
    checkCall(await line.roundTrip(withSession(write(id), session)), id, expect(id), job.bytes);
  };
}

function roundRobin<T>(items: readonly T[]): () => T {
  let turn = 0;
  return () => items[turn++ % items.length] as T;
}
