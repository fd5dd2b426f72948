import { resultBytes } from '../scene.ts';
import { type Answer, headerOf } from './connection.ts';
import type { Addressed } from './job.ts';
import { firstId } from './requests.ts';

/** Larger ones are looked at, not parsed: the generator shares a core with what it measures. */
const mostParsed = 128 * 1024;

/** The result of the answer to one request. @throws unless it is a result, and this request's. */
export function resultOf(answer: Answer, id: number): Record<string, unknown> {
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${beginningOf(answer)}`);
  const message = JSON.parse(jsonOf(answer)) as { id?: unknown; result?: Record<string, unknown> };
  if (message.id !== id || message.result === undefined)
    throw new Error(`Not the result of request ${id}: ${beginningOf(answer)}`);
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
    throw new Error(`Expected ${bytes} bytes of "${head}…": ${beginningOf(answer)}`);
}

function checkLargeCall(answer: Answer, id: number, head: string, bytes: number): void {
  const { status } = answer;
  const ends = answer.bytes.toString('utf8', 0, 400) + answer.bytes.subarray(-400).toString();
  const size = answer.bytes.length - bytes;
  const isRight =
    status === 200 && ends.includes(`"id":${id}`) && ends.includes(head) && size > 0 && size < 600;
  if (!isRight)
    throw new Error(
      `Expected ${bytes} bytes of "${head}…" for ${id}: HTTP ${status}, ${answer.bytes.length} bytes: ${ends}`,
    );
}

/** Of one target. A list is parsed once: those after it are the same bytes but for the id, or parsed as well. */
export function createListCheck({ listed }: Addressed): (answer: Answer, id: number) => void {
  let known = Buffer.alloc(0);
  return (answer, id) => {
    const { status, bytes } = answer;
    const at = bytes.indexOf(String(id));
    if (status === 200 && at >= 0 && isSameAround(at, known, bytes)) return;
    const tools = resultOf(answer, id).tools;
    if (!Array.isArray(tools) || tools.length !== listed)
      throw new Error(`Expected ${listed} tools: ${beginningOf(answer)}`);
    known = Buffer.from(bytes);
  };
}

function isSameAround(at: number, known: Buffer, bytes: Buffer): boolean {
  const { length } = known;
  if (bytes.length !== length) return false;
  const after = at + String(firstId).length;
  return known.compare(bytes, 0, at, 0, at) === 0 && known.compare(bytes, after, length, after, length) === 0;
}

const beginningOf = ({ bytes }: Answer) => bytes.toString('utf8', 0, 200);

/** The message, which as an event stream is the last event. */
function jsonOf({ head, bytes }: Answer): string {
  const body = bytes.toString();
  if (!headerOf(head, 'content-type')?.startsWith('text/event-stream')) return body;
  const at = body.lastIndexOf('data:') + 5;
  return body.slice(at, body.indexOf('\n', at));
}
