import { expect } from 'vitest';
import { ANSWERS } from '../../support/callers/whole.ts';
import { ASKING } from '../../support/downstreams/whole.ts';
import { type Cell, JSON_ALONE, needsAskable, type Peers, type Row } from './cell.ts';

const ASKED = { form: ['crm: Which one?'], url: ['crm: Sign in'] };

const question = (tool: keyof typeof ANSWERS): Row => ({
  what: `a question (${tool}) and its answer [R65] [R94]`,
  not: needsAskable,
  async instead({ askable }) {
    askable.heard.length = 0;
    const { value, isError } = await askable.call(tool);
    expect(isError || value.code === -32601, JSON.stringify(value)).toBe(true);
    expect(askable.heard).toEqual([]);
  },
  async test({ askable }) {
    askable.heard.length = 0;
    expect((await askable.call(tool)).value).toEqual(ANSWERS[tool]);
    expect(askable.heard).toEqual(tool === 'form' || tool === 'url' ? ASKED[tool] : []);
  },
});

/** What a person answers who does not fill it in. */
const refusal = (action: 'decline' | 'cancel'): Row => ({
  what: `a form that its reader answers with ${action}`,
  not: needsAskable,
  test: ({ askable }) =>
    whileItFills(
      askable,
      () => ({ action }),
      async () => {
        expect((await askable.call('form')).value).toEqual({ action });
      },
    ),
});

async function whileItFills(askable: Peers['askable'], answer: () => unknown, act: () => Promise<void>) {
  const { fills } = askable;
  askable.heard.length = 0;
  askable.fills = answer;
  try {
    await act();
  } finally {
    askable.fills = fills;
  }
}

/** What a server asks its caller. */
export const QUESTIONS: readonly Row[] = [
  question('form'),
  question('url'),
  question('sampling'),
  question('sampling-with-tools'),
  question('roots'),
  refusal('decline'),
  refusal('cancel'),
  {
    what: 'a prompt that asks first',
    not: needsAskable,
    async test({ askable }) {
      askable.heard.length = 0;
      const { messages } = await askable.client.getPrompt({ name: 'crm__asks' });
      expect(messages[0]?.content).toEqual({ type: 'text', text: `asks ${JSON.stringify(ANSWERS.form)}` });
      expect(askable.heard).toEqual(ASKED.form);
    },
  },
  {
    what: 'a resource that asks first',
    not: needsAskable,
    async test({ askable }) {
      askable.heard.length = 0;
      const { contents } = await askable.client.readResource({ uri: ASKING });
      expect(contents).toEqual([{ uri: ASKING, text: JSON.stringify(ANSWERS.form) }]);
      expect(askable.heard).toEqual(ASKED.form);
    },
  },
  {
    what: 'a question that its server takes back is taken back from who was asked',
    not({ server, canBeAsked, isModern }: Cell) {
      if (server.era === 'modern')
        return 'such a server asks by ending its round, and cannot reach its caller then';
      if (!canBeAsked) return JSON_ALONE;
      return isModern
        ? 'such a caller was asked by an answer, and gets the result when it comes back'
        : undefined;
    },
    async instead({ askable }, { server, canBeAsked }, { skip }) {
      if (server.era === 'modern' || !canBeAsked)
        skip('there is nobody who could be asked, or nothing to take back');
      // It comes back only when nobody wants its answer any more.
      const late = () => askable.call('finish').then(() => ANSWERS.form);
      await whileItFills(askable, late, async () => {
        expect((await askable.call('takes-back')).value).toBe('taken back');
      });
    },
    test: ({ askable }) =>
      whileItFills(
        askable,
        () => new Promise(() => {}),
        async () => {
          const call = askable.call('takes-back');
          await expect.poll(() => askable.heard).toEqual(ASKED.form);
          await askable.call('finish');
          expect((await call).value).toBe('taken back');
          await expect.poll(() => askable.heard).toEqual([...ASKED.form, 'taken back']);
        },
      ),
  },
  {
    what: 'a question to a caller that cannot be asked is refused',
    async test({ caller }, { isModern }) {
      const answer = caller.call('form').then(
        ({ value, isError }) => isError || value.code === -32601,
        // Spec 2026-07-28: what is missing is an error of the request. Before it there is no code for that.
        ({ code }) => code === (isModern ? -32021 : -32602),
      );
      expect(await answer).toBe(true);
    },
  },
];
