import { expect } from 'vitest';
import { APP, COUNTER } from '../../support/downstreams/whole.ts';
import type { Row } from './cell.ts';

/** What a server has to offer. */
export const OFFERS: readonly Row[] = [
  {
    what: 'tools, their results and their errors',
    async test({ caller }) {
      const { tools } = await caller.client.listTools();
      expect(tools.map(({ name }) => name)).toContain('crm__echo');
      const { value, structured } = await caller.call('echo', { args: { n: 1 } });
      expect([value, structured]).toEqual([{ n: 1 }, { echoed: { n: 1 } }]);
      expect(await caller.call('fails')).toMatchObject({ value: 'no', isError: true });
      await expect(caller.call('unknown')).rejects.toMatchObject({ code: -32602 });
    },
  },
  {
    what: 'prompts, resources and templates',
    async test({ caller: { client } }) {
      expect((await client.listPrompts()).prompts.map(({ name }) => name)).toContain('crm__greet');
      const { messages } = await client.getPrompt({ name: 'crm__greet', arguments: { who: 'you' } });
      expect(messages[0]?.content).toEqual({ type: 'text', text: 'greet {"who":"you"}' });
      expect((await client.listResources()).resources.map(({ uri }) => uri)).toContain(COUNTER);
      const { resourceTemplates } = await client.listResourceTemplates();
      expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual(['test://item/{id}']);
      const { contents } = await client.readResource({ uri: 'test://item/7' });
      expect(contents).toEqual([{ uri: 'test://item/7', text: 'read test://item/7' }]);
    },
  },
  {
    what: 'completion of the argument of a prompt, and of a template',
    async test({ caller: { client } }) {
      for (const ref of [
        { type: 'ref/prompt', name: 'crm__greet' },
        { type: 'ref/resource', uri: 'test://item/{id}' },
      ] as const) {
        const { completion } = await client.complete({ ref, argument: { name: 'who', value: 'y' } });
        expect(completion).toMatchObject({ values: ['y-completed'], hasMore: false });
      }
    },
  },
  {
    what: 'a URI that two servers have leads to each of them [R107]',
    async test({ caller: { client } }) {
      const { resources } = await client.listResources();
      const uris = resources.map(({ uri }) => uri).filter((uri) => uri.endsWith(COUNTER));
      expect(uris).toEqual([COUNTER, `switchboard://twin/${COUNTER}`]);
      const read = await Promise.all(uris.map((uri) => client.readResource({ uri })));
      expect(read.map(({ contents }) => contents)).toEqual([
        [{ uri: uris[0], text: `read ${COUNTER}` }],
        [{ uri: uris[1], text: `twin read ${COUNTER}` }],
      ]);
    },
  },
  {
    what: 'an app, whose tool leads to its page, and which calls its server by the names that that gave its tools',
    async test({ caller: { client } }) {
      const { tools } = await client.listTools();
      const pageOf = (tool: string) => {
        const { ui } = tools.find(({ name }) => name === tool)?._meta ?? {};
        return (ui as { resourceUri: string } | undefined)?.resourceUri ?? '';
      };
      const pages = ['crm__shown', 'twin__shown-too'].map(pageOf);
      expect(pages).toEqual([APP, expect.stringMatching(/^ui:\/\/switchboard\/twin\//)]);
      const read = await Promise.all(pages.map((uri) => client.readResource({ uri })));
      expect(read.map(({ contents }) => contents)).toEqual([
        [{ uri: pages[0], text: `read ${APP}` }],
        [{ uri: pages[1], text: `twin read ${APP}` }],
      ]);
      const own = await Promise.all(
        ['shown', 'shown-too'].map((name) => client.callTool({ name, arguments: { n: 1 } })),
      );
      expect(own.map(({ content }) => content)).toEqual([
        [{ type: 'text', text: '{"shown":{"n":1}}' }],
        [{ type: 'text', text: 'twin ran shown-too {"n":1}' }],
      ]);
    },
  },
];
