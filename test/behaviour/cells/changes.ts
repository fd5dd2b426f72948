import { expect } from 'vitest';
import { COUNTER } from '../../support/downstreams/whole.ts';
import { needsStream, type Row } from './cell.ts';

const LISTS = ['prompts changed', 'resources changed', 'tools changed'];

/** What changes while somebody listens. In this order: each goes on where the one before it ended. */
export const CHANGES: readonly Row[] = [
  {
    what: 'changes of each list, and of the resource that it asked for',
    not: needsStream,
    async instead({ caller }, { isModern }) {
      caller.heard.length = 0;
      if (isModern) await expect(caller.listen(COUNTER)).rejects.toThrow('accept text/event-stream');
      await caller.call('touch');
      expect(caller.heard).toEqual([]);
    },
    async test({ caller }) {
      await caller.listen(COUNTER);
      caller.heard.length = 0;
      await caller.call('touch');
      await expect.poll(() => caller.heard).toEqual([COUNTER]);
      await caller.call('grow');
      await expect.poll(() => [...caller.heard].sort()).toEqual([...LISTS, COUNTER].sort());
      const { tools } = await caller.client.listTools();
      expect(tools.map(({ name }) => name)).toContain('crm__tool-1');
    },
  },
  {
    what: 'a change of the resource that another caller, which can be asked, brings about',
    not(cell) {
      const { server, caller } = cell;
      if (server.over === 'stdio' && caller.kind === 'stdio')
        return 'each caller on stdio has a gateway of its own, and that a process of its own';
      return needsStream(cell);
    },
    async test({ caller, askable }) {
      caller.heard.length = 0;
      await askable.call('touch');
      await expect.poll(() => caller.heard).toEqual([COUNTER]);
    },
  },
  {
    what: 'no more changes of the resource for who gave that up, and still those of lists',
    not: needsStream,
    async test({ caller }) {
      await caller.unlisten(COUNTER);
      caller.heard.length = 0;
      await caller.call('touch');
      await caller.call('grow');
      // What was touched first would have been told first.
      await expect.poll(() => [...caller.heard].sort()).toEqual(LISTS);
    },
  },
];
