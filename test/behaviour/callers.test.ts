import { describe, expect, test } from 'vitest';
import { agentsSdk } from '../support/callers/agents-sdk.ts';
import { claudeCode } from '../support/callers/claude-code.ts';
import { copilotStudio } from '../support/callers/copilot-studio.ts';
import { cursor } from '../support/callers/cursor.ts';
import { geminiCli } from '../support/callers/gemini-cli.ts';
import { liveKit } from '../support/callers/livekit.ts';
import { mcpRemote } from '../support/callers/mcp-remote.ts';
import { chatgpt, openaiLegacy2024, openaiRealtime } from '../support/callers/openai.ts';
import { vscode } from '../support/callers/vscode.ts';
import { everythingEntry, everythingServer } from '../support/downstreams/everything.ts';
import { legacyServer, legacyVersions } from '../support/downstreams/legacy.ts';
import { modernServer } from '../support/downstreams/modern.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { startGateway } from '../support/gateway.ts';

const CALLERS = [
  ['OpenAI Realtime', openaiRealtime, '2026-07-28'],
  ['OpenAI Realtime of 2025', openaiLegacy2024, '2024-11-05'],
  ['ChatGPT', chatgpt, '2026-07-28'],
  ['Copilot Studio', copilotStudio, '2024-11-05'],
  ['Claude Code', claudeCode, '2026-07-28'],
  ['VS Code', vscode, '2025-11-25'],
  ['Cursor', cursor, '2025-06-18'],
  ['LiveKit', liveKit, '2025-11-25'],
  ['Gemini CLI', geminiCli, '2025-06-18'],
  ['the OpenAI Agents SDK', agentsSdk, ''],
  ['mcp-remote', mcpRemote, ''],
] as const;

describe.each([
  ['modern', () => modernServer()],
  ['legacy, with sessions', () => legacyServer({ sessions: true, json: false })],
] as const)('with a %s downstream behind', (_era, start) => {
  test.each(CALLERS)('%s has its conversation [R70]', async (_who, caller, version) => {
    await using downstream = await start();
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    const understood = await caller(gateway.url, gateway.token);
    expect(understood.tools.map(({ name }) => name)).toContain('crm__echo');
    expect(understood.result.content[0].text).toBe('hello');
    if (version !== '') expect(understood.version).toBe(version);
    expect(downstream.calls.map(({ tool, outcome }) => [tool, outcome])).toEqual([['echo', 'answered']]);
  });
});

describe.each(['auto', 'modern', 'legacy', 'v1'] as const)('an SDK client of kind "%s"', (era) => {
  test.each([
    ['modern', () => modernServer()],
    ['modern, answering SSE', () => modernServer({ responseMode: 'sse' })],
    ['modern and legacy', () => modernServer({ dual: true })],
    ['modern, by hand', () => plainServer({ era: 'modern' })],
    ['legacy, with sessions, SSE', () => legacyServer({ sessions: true, json: false })],
    ['legacy, with sessions, JSON', () => legacyServer({ sessions: true, json: true })],
    ['legacy, without sessions, SSE', () => legacyServer({ sessions: false, json: false })],
    ['legacy, without sessions, JSON', () => legacyServer({ sessions: false, json: true })],
    ...legacyVersions.map(
      (version) => [`of ${version}`, () => legacyServer({ sessions: true, json: false, version })] as const,
    ),
    ['redirecting to /mcp/', () => plainServer({ era: 'legacy', redirectsTo: '/mcp/' })],
    ['stdio, SDK v1', async () => stdioServer('v1')],
    ['stdio, SDK v2', async () => stdioServer('v2')],
    ['stdio, modern only', async () => stdioServer('v2-modern')],
  ] as const)('reaches a downstream that is %s', async (_what, start) => {
    await using downstream = await start();
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    const client = await (era === 'v1' ? gateway.connect({ era }) : gateway.connect({ era }));
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      'crm__add',
      'crm__echo',
      'crm__fail',
      'crm__progress',
      'crm__slow',
    ]);
    const echoed = await client.callTool({ name: 'crm__echo', arguments: { text: 'grüße 😀' } });
    expect(echoed).toMatchObject({
      content: [{ type: 'text', text: 'grüße 😀' }],
      structuredContent: { text: 'grüße 😀' },
      _meta: { 'example.com/trace': { hop: 1, note: 'keep me' } },
    });
    expect(await client.callTool({ name: 'crm__fail', arguments: {} })).toMatchObject({
      content: [{ type: 'text', text: 'This tool always fails.' }],
      isError: true,
    });
  });
});

test('the official everything server works over stdio and over HTTP', async () => {
  await using http = await everythingServer();
  await using gateway = await startGateway({ mcpServers: { child: everythingEntry(), http: http.entry() } });
  for (const era of ['modern', 'legacy'] as const) {
    const client = await gateway.connect({ era });
    const { tools } = await client.listTools();
    for (const prefix of ['child__', 'http__']) {
      expect(tools.filter(({ name }) => name.startsWith(prefix)).length).toBeGreaterThan(10);
      const sum = await client.callTool({ name: `${prefix}get-sum`, arguments: { a: 2, b: 40 } });
      expect(JSON.stringify(sum.content)).toContain('42');
      const image = await client.callTool({ name: `${prefix}get-tiny-image`, arguments: {} });
      expect(image.content).toContainEqual(expect.objectContaining({ type: 'image', mimeType: 'image/png' }));
    }
  }
});
