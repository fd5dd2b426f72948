import { checkCall, checkList, resultOf } from './check.ts';
import { Connection, headerOf } from './connection.ts';
import type { Job } from './job.ts';
import { callTemplates, firstId, initializedRequest, listTemplate, openingTemplate } from './requests.ts';

/** One caller's next request, or in a cold job its next conversation, answered and checked. */
export type Turn = () => Promise<void>;

let lastId = firstId;

/** The turns of a caller that keeps its connection. */
export function createTurn({
  kind,
  era,
  downstreamEra,
  target,
}: Job): (connection: Connection) => Promise<void> {
  const list = listTemplate(target, era);
  const nextCall = roundRobin(callTemplates(target, era, downstreamEra));
  return async (connection) => {
    const id = ++lastId;
    if (kind === 'list') {
      checkList(await connection.roundTrip(list.write(id)), id, target);
      return;
    }
    const call = nextCall();
    checkCall(await connection.roundTrip(call.write(id)), id, call.expect(id));
  };
}

/** A whole conversation on a connection of its own: discover or initialize, list, one call. */
export function createConversation({ era, downstreamEra, target }: Job): Turn {
  const opening = openingTemplate(target, era);
  const initialized = initializedRequest(target);
  const list = listTemplate(target, era);
  const nextCall = roundRobin(callTemplates(target, era, downstreamEra));
  return async () => {
    const [openingId, listId, callId] = [++lastId, ++lastId, ++lastId];
    const connection = await Connection.open(target.port);
    const opened = await connection.roundTrip(opening.write(openingId));
    resultOf(opened, openingId);
    const session = headerOf(opened.head, 'mcp-session-id');
    const send = (request: string) => connection.roundTrip(withSession(request, session));
    if (era === 'legacy') await send(initialized);
    checkList(await send(list.write(listId)), listId, target);
    const call = nextCall();
    checkCall(await send(call.write(callId)), callId, call.expect(callId));
    connection.close();
  };
}

function withSession(request: string, session: string | undefined): string {
  return session === undefined ? request : request.replace('\r\n', `\r\nMcp-Session-Id: ${session}\r\n`);
}

function roundRobin<T>(items: readonly T[]): () => T {
  let turn = 0;
  return () => items[turn++ % items.length] as T;
}
