import { downstreams, resultBytes, toolNames } from '../scene.ts';
import { type Answer, headerOf } from './connection.ts';
import type { Addressed } from './job.ts';

/** The result of the answer to one request. @throws unless it is a result, and this request's. */
export function resultOf(answer: Answer, id: number): Record<string, unknown> {
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.body.slice(0, 200)}`);
  const message = JSON.parse(jsonOf(answer)) as { id?: unknown; result?: Record<string, unknown> };
  if (message.id !== id || message.result === undefined)
    throw new Error(`Not the result of request ${id}: ${answer.body.slice(0, 200)}`);
  return message.result;
}

export function checkCall(answer: Answer, id: number, head: string): void {
  const result = resultOf(answer, id);
  const content = result.content as { text?: string }[] | undefined;
  const text = content?.[0]?.text;
  if (result.isError === true || text?.length !== resultBytes || !text.startsWith(head))
    throw new Error(`Expected ${resultBytes} bytes of "${head}…": ${answer.body.slice(0, 200)}`);
}

export function checkList(answer: Answer, id: number, target: Addressed): void {
  const tools = resultOf(answer, id).tools;
  const expected = (target.direct ? 1 : downstreams.length) * toolNames.length;
  if (!Array.isArray(tools) || tools.length !== expected)
    throw new Error(`Expected ${expected} tools: ${answer.body.slice(0, 200)}`);
}

/** The message, which as an event stream is the last event. */
function jsonOf({ head, body }: Answer): string {
  if (!headerOf(head, 'content-type')?.startsWith('text/event-stream')) return body;
  const at = body.lastIndexOf('data:') + 5;
  return body.slice(at, body.indexOf('\n', at));
}
