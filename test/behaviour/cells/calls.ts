import { expect } from 'vitest';
import { needsStream, type Row } from './cell.ts';

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** What belongs to one call. */
export const CALLS: readonly Row[] = [
  {
    what: 'progress',
    not: needsStream,
    async instead({ caller }) {
      caller.heard.length = 0;
      expect((await caller.call('steps')).value).toBe('stepped');
      expect(caller.heard).toEqual([]);
    },
    async test({ caller }) {
      caller.heard.length = 0;
      // The SDKs' clients lose progress that comes in one piece with the result, from any server.
      const call = caller.call('steps', { args: { held: true } });
      await expect.poll(() => caller.heard).toEqual(['step 1', 'step 2', 'step 3']);
      await caller.call('finish');
      expect((await call).value).toBe('stepped');
    },
  },
  {
    what: 'log messages, from the level on that was asked for, of a server that honours it',
    not: needsStream,
    async instead({ caller }) {
      caller.heard.length = 0;
      expect((await caller.call('logs')).value).toBe('logged');
      expect(caller.heard).toEqual([]);
    },
    async test({ caller }) {
      caller.heard.length = 0;
      expect((await caller.call('logs')).value).toBe('logged');
      expect(caller.heard).toEqual(['of interest']);
      await caller.logLevel('debug');
      const told = async () => {
        caller.heard.length = 0;
        await caller.call('logs');
        return caller.heard;
      };
      // A server of the legacy era is told the level beside the calls.
      await expect.poll(told).toEqual(['of no interest', 'of interest']);
      await caller.logLevel('info');
      expect(await told()).toEqual(['of interest']);
    },
  },
  {
    what: 'a call that its caller cancels is cancelled downstream',
    async test({ caller }) {
      const stateOf = async () => (await caller.call('state')).value;
      const { cancelled } = await stateOf();
      const abort = new AbortController();
      const call = caller.call('waits', { signal: abort.signal });
      const ended = expect(call).rejects.toThrow();
      await expect.poll(stateOf).toMatchObject({ running: 1 });
      abort.abort();
      await ended;
      await expect.poll(stateOf).toMatchObject({ running: 0, cancelled: cancelled + 1 });
    },
  },
  {
    what: 'of _meta the trace context, and of vendors what the entry of the server names',
    async test({ caller }) {
      const passed = { traceparent: TRACE, tracestate: 'a=1', 'example.com/tenant': 'acme' };
      const meta = { ...passed, 'openai/userLocation': 'Zürich', 'example.org/other': 1 };
      const { value } = await caller.call('meta', { meta });
      const { progressToken: _ofTheHop, ...told } = value;
      const isOfTheProtocol = (key: string) => key.startsWith('io.modelcontextprotocol/');
      expect(Object.fromEntries(Object.entries(told).filter(([key]) => !isOfTheProtocol(key)))).toEqual(
        passed,
      );
    },
  },
  {
    what: 'an argument that is mirrored into a header arrives as both',
    not({ server: { era, over } }) {
      if (over !== 'HTTP') return 'there are no headers of a call';
      return era === 'legacy' ? 'such a server knows no mirrored arguments' : undefined;
    },
    async instead({ caller }) {
      const { value } = await caller.call('mirrored', { args: { region: 'eu' } });
      expect(value).toEqual({ args: { region: 'eu' }, header: null });
    },
    async test({ caller }) {
      // A client of the modern era mirrors what it has seen listed.
      await caller.client.listTools();
      const { value } = await caller.call('mirrored', { args: { region: 'eu' } });
      expect(value).toEqual({ args: { region: 'eu' }, header: 'eu' });
    },
  },
];
