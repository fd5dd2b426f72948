import { resultBytes } from '../scene.ts';
import { type Answer, headerOf } from './connection.ts';
import type { Addressed } from './job.ts';

/** Larger ones are looked at, not parsed: the generator shares a core with what it measures. */
const mostParsed = 128 * 1024;

/** The result of the answer to one request. @throws unless it is a result, and this request's. */
export function resultOf(answer: Answer, id: number): Record<string, unknown> {
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.body.slice(0, 200)}`);
  const message = JSON.parse(jsonOf(answer)) as { id?: unknown; result?: Record<string, unknown> };
  if (message.id !== id || message.result === undefined)
    throw new Error(`Not the result of request ${id}: ${answer.body.slice(0, 200)}`);
  return message.result;
}

export function checkCall(answer: Answer, id: number, head: string, bytes = resultBytes): void {
  if (bytes > mostParsed) {
    checkLargeCall(answer, id, head, bytes);
    return;
  }
  const result = resultOf(answer, id);
  const content = result.content as { text?: string }[] | undefined;
  const text = content?.[0]?.text;
  if (result.isError === true || text?.length !== bytes || !text.startsWith(head))
    throw new Error(`Expected ${bytes} bytes of "${head}…": ${answer.body.slice(0, 200)}`);
}

function checkLargeCall({ status, body }: Answer, id: number, head: string, bytes: number): void {
  const ends = body.slice(0, 400) + body.slice(-400);
  const size = body.length - bytes;
  const isRight =
    status === 200 && ends.includes(`"id":${id}`) && ends.includes(head) && size > 0 && size < 600;
  if (!isRight)
    throw new Error(
      `Expected ${bytes} bytes of "${head}…" for ${id}: HTTP ${status}, ${body.length} bytes: ${ends}`,
    );
}

/** Of one target. A list is parsed once: those after it are the same text but for the id, or parsed as well. */
export function createListCheck({ listed }: Addressed): (answer: Answer, id: number) => void {
  let known: string | undefined;
  return (answer, id) => {
    const text = answer.body.replace(String(id), '');
    if (answer.status === 200 && text === known) return;
    const tools = resultOf(answer, id).tools;
    if (!Array.isArray(tools) || tools.length !== listed)
      throw new Error(`Expected ${listed} tools: ${answer.body.slice(0, 200)}`);
    known = text;
  };
}

/** The message, which as an event stream is the last event. */
function jsonOf({ head, body }: Answer): string {
  if (!headerOf(head, 'content-type')?.startsWith('text/event-stream')) return body;
  const at = body.lastIndexOf('data:') + 5;
  return body.slice(at, body.indexOf('\n', at));
}
