import { isObject, isRequestId, type Outcome, type RequestId } from '../protocol/messages.ts';
import { type Answered, capabilityFor, type Question } from '../protocol/questions.ts';
import { answerAlone } from './outgoing.ts';

/** The questions of a downstream that have no answer yet, by its ids for them. */
export interface Asked {
  /**
   * A request that came from the downstream.
   *
   * @param put  puts it to who can answer; undefined where there is nobody
   */
  onRequest(message: Record<string, unknown>, put: Put): void;
  /** The downstream no longer wants an answer. False where none is open by this id. */
  takeBack(id: unknown): boolean;
  /** There is nothing left that an answer would be for. */
  close(): void;
}

type Put = (question: Question, answered: Answered) => (() => void) | undefined;

/** More at a time than any request needs. */
const MAX_ASKED = 32;

export function createAsked(answer: (id: RequestId, outcome: Outcome) => void): Asked {
  const open = new Map<RequestId, () => void>();
  const asked: Asked = {
    onRequest(message, put) {
      const { id, method } = message;
      // Without an id that can be repeated there is nothing to answer to.
      if (!isRequestId(id) || typeof method !== 'string') return;
      if (capabilityFor(method) === undefined || open.has(id) || open.size >= MAX_ASKED) {
        return answer(id, answerAlone(method));
      }
      open.set(id, () => {});
      const params = isObject(message.params) ? message.params : undefined;
      const takeBack = put({ method, ...(params !== undefined && { params }) }, (outcome) => {
        if (open.delete(id)) answer(id, outcome);
      });
      if (takeBack !== undefined) {
        if (open.has(id)) open.set(id, takeBack);
      } else if (open.delete(id)) answer(id, answerAlone(method));
    },
    takeBack(id) {
      const takeBack = open.get(id as RequestId);
      open.delete(id as RequestId);
      takeBack?.();
      return takeBack !== undefined;
    },
    close() {
      for (const id of open.keys()) asked.takeBack(id);
    },
  };
  return asked;
}
