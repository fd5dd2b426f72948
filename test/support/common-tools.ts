import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { expect } from 'vitest';
import type { ServerEntry } from './downstreams/downstream.ts';
import { commonTools, unknownMeta } from './downstreams/tools.ts';

/** A client of SDK v2 connected straight to a server: what a test through the gateway is compared with. */
export interface Connected extends AsyncDisposable {
  readonly client: Client;
}

export async function connectDirectly(
  entry: ServerEntry,
  mode: 'auto' | 'legacy' = 'auto',
): Promise<Connected> {
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode } });
  const transport =
    'url' in entry
      ? new StreamableHTTPClientTransport(new URL(String(entry.url)), {
          requestInit: { headers: (entry.headers as Record<string, string>) ?? {} },
        })
      : new StdioClientTransport({ ...(entry as { command: string }), stderr: 'ignore' });
  await client.connect(transport);
  return { client, [Symbol.asyncDispose]: () => client.close() };
}

export const commonNames = commonTools.map((tool) => tool.name);

export async function useCommonTools({ client }: Connected) {
  expect((await client.listTools()).tools.map((tool) => tool.name)).toEqual(
    expect.arrayContaining(commonNames),
  );
  const echoed = await client.callTool({ name: 'echo', arguments: { text: 'é' } });
  expect(echoed).toMatchObject({ structuredContent: { text: 'é' }, _meta: unknownMeta });
  expect(await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } })).toMatchObject({
    content: [{ text: '3' }],
  });
  expect(await client.callTool({ name: 'fail', arguments: {} })).toMatchObject({ isError: true });
}

export async function reportProgress({ client }: Connected) {
  const steps: number[] = [];
  const call = { name: 'progress', arguments: { steps: 3 } };
  await client.callTool(call, { onprogress: ({ progress }) => void steps.push(progress) });
  expect(steps).toEqual([1, 2, 3]);
}

export async function cancelSlowCall({ client }: Connected, hasBegun: () => boolean) {
  const caller = new AbortController();
  const call = client.callTool({ name: 'slow', arguments: { ms: 60_000 } }, { signal: caller.signal });
  await expect.poll(hasBegun).toBe(true);
  caller.abort();
  await expect(call).rejects.toThrow();
}
