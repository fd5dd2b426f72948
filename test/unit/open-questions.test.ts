import { expect, test } from 'vitest';
import { Session } from '../../src/caller/session.ts';
import type { Outcome, RequestId } from '../../src/protocol/messages.ts';
import { OpenQuestions } from '../../src/relay/open-questions.ts';

test('of a question to a caller that has left its session keeps nothing', () => {
  const session = new Session('a session', {});
  const questions = new OpenQuestions(
    () => {},
    () => {},
  );
  const heard: Outcome[] = [];
  let id: RequestId | undefined;
  questions.ask(
    (_question, answered) => {
      const given = session.addQuestion(answered);
      id = given;
      return () => void session.removeQuestion(given);
    },
    { method: 'elicitation/create', params: { message: 'Which one?' } },
    (outcome) => void heard.push(outcome),
  );
  questions.callerLeft();
  expect(heard).toEqual([{ result: { action: 'cancel' } }]);
  expect(session.removeQuestion(id as RequestId)).toBe(false);
});
