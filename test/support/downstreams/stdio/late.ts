// By hand: `holds` is never answered, and goes on when it is cancelled; what it has to say and ask comes while `waits` runs,
// which tells what the question was answered.
import type { Message } from '../../messages.ts';
import { LATE_LOG, LATE_QUESTION } from '../late.ts';
import { send, serveLines } from './lines.ts';

const waiting = new Map<unknown, (message: Message) => void>();

serveLines(
  (message) => {
    const { id, method, params } = message;
    if (method === undefined) {
      waiting.get(id)?.(message);
      return true;
    }
    if (method !== 'tools/call' || !['holds', 'waits'].includes(params.name)) return false;
    if (params.name === 'waits') void wait(id);
    return true;
  },
  ['holds', 'waits'],
);

async function wait(id: Message['id']): Promise<void> {
  const answered = new Promise<Message>((resolve) => waiting.set(`of ${id}`, resolve));
  send(LATE_LOG);
  send({ id: `of ${id}`, ...LATE_QUESTION });
  const { result, error } = await answered;
  send({ id, result: { content: [{ type: 'text', text: JSON.stringify(result ?? error) }] } });
}
